// How a publication looks: a line for people, which no sender can make into anything else, or a JSON envelope.
import { inspect } from "node:util";
import { writeData } from "../../client/data.ts";
import type { Gap, Meta } from "../../client/index.ts";
import {
  harmless,
  harmlessColors,
  jsonLine,
  lineOf,
  type Printable,
  spaced,
  together,
} from "../../protocol/printable.ts";
import type { Paint } from "../output.ts";

export interface Format {
  message(room: string, data: unknown, meta: Meta): Printable;
  /** Nothing where a gap is only said. */
  gap(room: string, gap: Gap): Printable;
}

/** One envelope a line, as docs/protocol.md has them. */
export const jsonLines: Format = {
  message: (room, data, { event, from, at, time }) =>
    jsonLine({ type: "message", room, event, ...writeData(data), from, at, time }),
  gap: (room, { after, at }) => jsonLine({ type: "gap", room, after, at }),
};

/** @param several whether lines have to say which room they are of */
export function prettyLines(paint: Paint, colored: boolean, several: boolean): Format {
  return {
    message: (room, data, { event, from, time }) => {
      const head = [
        paint("dim", clock(time)),
        ...(several ? [paint("cyan", room)] : []),
        paint("yellow", event),
        ...(from === undefined ? [] : [paint("green", from)]),
      ];
      return lineOf(spaced(...head, show(data, colored)));
    },
    gap: () => together([]),
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

function show(data: unknown, colored: boolean): Printable {
  if (typeof data === "string") return harmless(data);
  if (data instanceof Uint8Array) {
    const some = data.subarray(0, 16);
    return harmless(`${data.length} bytes: ${some.toHex()}${data.length > some.length ? "…" : ""}`);
  }
  const text = inspect(data, {
    colors: colored,
    compact: true,
    breakLength: Infinity,
    depth: Infinity,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
  });
  // Escapes in strings and keys are its own; of the colors, we only asked for some.
  return harmlessColors(text.replaceAll("\n", " "));
}
