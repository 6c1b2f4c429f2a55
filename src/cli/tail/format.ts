// How a publication looks: a line for people, which no sender can make into anything else, or a JSON envelope.
import { inspect } from "node:util";
import { writeData } from "../../client/data.ts";
import type { Gap, Meta } from "../../client/index.ts";
import type { Paint } from "../output.ts";

export interface Format {
  message(room: string, data: unknown, meta: Meta): string;
  /** Nothing where a gap is only said. */
  gap(room: string, gap: Gap): string;
}

/** One envelope a line, as docs/protocol.md has them. */
export const jsonLines: Format = {
  message: (room, data, { event, from, at, time }) =>
    `${JSON.stringify({ type: "message", room, event, ...writeData(data), from, at, time })}\n`,
  gap: (room, { after, at }) => `${JSON.stringify({ type: "gap", room, after, at })}\n`,
};

/** @param several whether lines have to say which room they are of */
export function prettyLines(paint: Paint, colored: boolean, several: boolean): Format {
  return {
    message: (room, data, { event, from, time }) => {
      const head = [
        paint("dim", clock(time)),
        ...(several ? [paint("cyan", harmless(room))] : []),
        paint("yellow", harmless(event)),
        ...(from === undefined ? [] : [paint("green", harmless(from))]),
      ];
      return `${head.join("  ")}  ${show(data, colored)}\n`;
    },
    gap: () => "",
  };
}

/** Local time; with the day where that is another one. */
function clock(time: number): string {
  const date = new Date(time);
  // Swedes write a date as ISO 8601 does.
  const text = `${date.toLocaleTimeString("sv")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  const day = date.toLocaleDateString("sv");
  return day === new Date().toLocaleDateString("sv") ? text : `${day} ${text}`;
}

function show(data: unknown, colored: boolean): string {
  if (typeof data === "string") return harmless(data);
  if (data instanceof Uint8Array) {
    const some = data.subarray(0, 16);
    return `${data.length} bytes: ${some.toHex()}${data.length > some.length ? "…" : ""}`;
  }
  const text = inspect(data, {
    colors: colored,
    compact: true,
    breakLength: Infinity,
    depth: Infinity,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
  });
  // It has escaped what moves a cursor, but not what turns the direction of text around.
  return text.replaceAll(DIRECTIONS, escape).replaceAll("\n", " ");
}

const DIRECTIONS = /[\u2028-\u202e\u2066-\u2069]/g;
// oxlint-disable-next-line no-control-regex -- finding control characters is what it is for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text that a terminal only shows: who publishes must not be able to move the cursor, or worse. */
export function harmless(text: string): string {
  return text.replaceAll(CONTROLS, escape);
}

function escape(char: string): string {
  return SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
