// Parses the envelopes of frames and batch items. The data of a large envelope is parsed only on demand.
import { ThumpError } from "./codes.ts";
import { Content } from "./content.ts";
import type { Encoding } from "./data.ts";
import { cut, findFields, sourceOf } from "./json-fields.ts";
import { parseJson } from "./json.ts";

/** Texts up to this length, in characters, are parsed completely, which is faster than scanning them first. */
const MAX_WHOLE_PARSE = 1024;
/** The approximate maximum number of values in an envelope, not counting its data. Envelopes have few fields. */
export const MAX_VALUES = 256;

const DATA = ["data"] as const;

export interface ParsedEnvelope {
  /** The parsed envelope. In a large envelope, a number replaces the data. */
  value: unknown;
  /** The source text of a large envelope's data. */
  source?: string;
}

/**
 * Parses the JSON of an envelope.
 * @param most the approximate maximum number of values, not counting the envelope's data
 * @throws SyntaxError if the text is not JSON
 * @throws ThumpError `malformed` if the text is nested too deep or has too many values
 */
export function parseEnvelope(text: string, most = MAX_VALUES): ParsedEnvelope {
  if (text.length <= MAX_WHOLE_PARSE) return { value: parseJson(text) };
  const { spans, others } = findFields(text, DATA, most);
  if (others > most)
    throw new ThumpError(
      "malformed",
      `The envelope has more than ${most} values in addition to its data. Send only documented fields.`,
    );
  const [span] = spans;
  if (!span) return { value: parseJson(text) };
  const rest = `${text.slice(0, span.start)}0${text.slice(span.end)}`;
  return { value: parseJson(rest), source: cut(text, span) };
}

/** Returns the content of a parsed and validated envelope. */
export function contentOf(
  { data, encoding }: { data?: unknown; encoding?: Encoding },
  text: string,
  { source }: ParsedEnvelope,
): Content {
  if (source !== undefined) return Content.unparsed(source, encoding);
  return Content.parsed(data, encoding, () => sourceOf(text, "data"));
}
