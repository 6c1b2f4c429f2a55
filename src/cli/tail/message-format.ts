// How a publication looks: a line for people, which no sender can make into anything else, or a JSON envelope.
import { inspect } from "node:util";
import type { Gap, Meta } from "../../client/index.ts";
import { sourceOf } from "../../protocol/json-fields.ts";
import {
  printableText,
  printableColors,
  jsonLine,
  lineOf,
  type Printable,
  spaced,
  concat,
} from "../../protocol/printable.ts";
import type { Paint } from "../colors.ts";

export interface MessageFormat {
  /** @param text the envelope as it came */
  message(room: string, data: unknown, meta: Meta, text: string): Printable;
  /** Nothing where a gap is only said. */
  gap(room: string, gap: Gap): Printable;
}

/** One envelope a line, as docs/protocol.md has them. The data keeps the tokens it was written with. */
export const jsonLines: MessageFormat = {
  message: (room, data, { event, from, at, time }, text) => {
    const before = JSON.stringify({ type: "message", room, event }).slice(0, -1);
    const encoding = data instanceof Uint8Array ? "base64" : undefined;
    const after = JSON.stringify({ encoding, from, at, time }).slice(1);
    // Raw tabs and line breaks can only stand between tokens, where an escape is not JSON.
    const source = sourceOf(text, "data").replaceAll(/[\t\r\n]/g, " ");
    return lineOf(printableText(`${before},"data":${source},${after}`));
  },
  gap: (room, { after, at }) => jsonLine({ type: "gap", room, after, at }),
};

/** @param several whether lines have to say which room they are of */
export function prettyLines(paint: Paint, colored: boolean, several: boolean): MessageFormat {
  return {
    message: (room, data, { event, from, time }, text) => {
      const head = [
        paint("dim", clock(time)),
        ...(several ? [paint("cyan", room)] : []),
        paint("yellow", event),
        ...(from === undefined ? [] : [paint("green", from)]),
      ];
      return lineOf(spaced(...head, show(data, text, colored)));
    },
    gap: () => concat([]),
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

/** What Node hands to a custom `inspect`; bun-types has no type for it. */
interface Stylize {
  stylize(text: string, style: string): string;
}

/** A number that a double cannot hold as it was written: shown with its own digits. */
class Digits {
  constructor(readonly source: string) {}

  [inspect.custom](_depth: number, { stylize }: Stylize): string {
    return stylize(this.source, "number");
  }
}

/** The data, with `Digits` where a number would be shown as a different one. */
function exactNumbers(text: string): unknown {
  // TypeScript does not know the third parameter yet (ECMA-262, "JSON.parse source text access").
  const keep = (_: string, value: unknown, { source }: { source?: string } = {}) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? new Digits(source)
      : value;
  return JSON.parse(sourceOf(text, "data"), keep as (key: string, value: unknown) => unknown);
}

function show(data: unknown, envelope: string, colored: boolean): Printable {
  if (typeof data === "string") return printableText(data);
  if (data instanceof Uint8Array) {
    const some = data.subarray(0, 16);
    return printableText(`${data.length} bytes: ${some.toHex()}${data.length > some.length ? "…" : ""}`);
  }
  const text = inspect(exactNumbers(envelope), {
    colors: colored,
    compact: true,
    breakLength: Infinity,
    depth: Infinity,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
  });
  // Escapes in strings and keys are its own; of the colors, we only asked for some.
  return printableColors(text.replaceAll("\n", " "));
}
