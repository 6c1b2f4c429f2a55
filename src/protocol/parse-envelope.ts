// Envelopes from outside, in frames and items of batches: parsed, but of a large one the data only once it is wanted.
import { ThumpError } from "./codes.ts";
import { Content } from "./content.ts";
import type { Encoding } from "./data.ts";
import { cut, findFields, sourceOf } from "./json-fields.ts";
import { parseJson } from "./json.ts";

/** Up to this many characters are parsed as a whole: that costs less than looking at them first. */
const MAX_WHOLE_PARSE = 1024;
/** About how many values an envelope may have beside its data: it has few fields. */
export const MAX_VALUES = 256;

const DATA = ["data"] as const;

export interface ParsedEnvelope {
  /** Of a large one without its data, in the place of which there is a number. */
  value: unknown;
  /** How the data of a large one was written. */
  source?: string;
}

/**
 * Parses the JSON of an envelope.
 * @param most about how many values it may have beside its data
 * @throws SyntaxError when it is not JSON
 * @throws ThumpError `malformed` when it is nested too deep, or has too many values
 */
export function parseEnvelope(text: string, most = MAX_VALUES): ParsedEnvelope {
  if (text.length <= MAX_WHOLE_PARSE) return { value: parseJson(text) };
  const { spans, others } = findFields(text, DATA, most);
  if (others > most)
    throw new ThumpError(
      "malformed",
      `It has over ${most} values beside its data. Send only the fields that there are.`,
    );
  const [span] = spans;
  if (!span) return { value: parseJson(text) };
  const rest = `${text.slice(0, span.start)}0${text.slice(span.end)}`;
  return { value: parseJson(rest), source: cut(text, span) };
}

/** The content of an envelope that was parsed from a text, and fits its schema. */
export function contentOf(
  { data, encoding }: { data?: unknown; encoding?: Encoding },
  text: string,
  { source }: ParsedEnvelope,
): Content {
  if (source !== undefined) return Content.unparsed(source, encoding);
  return Content.parsed(data, encoding, () => sourceOf(text, "data"));
}
