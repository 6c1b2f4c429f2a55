// Output formats of `thump tail`: JSON envelopes, or readable lines in which data cannot imitate other fields.
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
  /** @param text the envelope's source */
  message(room: string, data: unknown, meta: Meta, text: string): Printable;
  /** Empty in formats that do not print gaps. */
  gap(room: string, gap: Gap): Printable;
}

/** One envelope per line, as in docs/protocol.md. The data keeps its original JSON tokens. */
export const jsonLines: MessageFormat = {
  message: (room, data, { event, from, at, time }, text) => {
    const before = JSON.stringify({ type: "message", room, event }).slice(0, -1);
    const encoding = data instanceof Uint8Array ? "base64" : undefined;
    const after = JSON.stringify({ encoding, from, at, time }).slice(1);
    // In JSON, raw tabs and line breaks occur only between tokens, where an escape would be invalid.
    const source = sourceOf(text, "data").replaceAll(/[\t\r\n]/g, " ");
    return lineOf(printableText(`${before},"data":${source},${after}`));
  },
  gap: (room, { after, at }) => jsonLine({ type: "gap", room, after, at }),
};

/** @param several true if lines must name their room */
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

/** Local time, with the date if it is not today. */
function clock(time: number): string {
  const date = new Date(time);
  // The Swedish locale formats dates and times as ISO 8601 does.
  const text = `${date.toLocaleTimeString("sv")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  const day = date.toLocaleDateString("sv");
  return day === new Date().toLocaleDateString("sv") ? text : `${day} ${text}`;
}

/** The options that Node passes to a custom `inspect`. bun-types does not declare them. */
interface Stylize {
  stylize(text: string, style: string): string;
}

/** A number that a double cannot represent exactly, printed with its original digits. */
class Digits {
  constructor(readonly source: string) {}

  [inspect.custom](_depth: number, { stylize }: Stylize): string {
    return stylize(this.source, "number");
  }
}

/** Parses the data, with `Digits` for numbers that would lose digits. */
function exactNumbers(text: string): unknown {
  // TypeScript does not declare the third parameter yet (ECMA-262, "JSON.parse source text access").
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
  // `inspect` escapes strings and keys. Only the colors requested here remain.
  return printableColors(text.replaceAll("\n", " "));
}
