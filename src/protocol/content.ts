// The content of a publication as received. Its size is known immediately. It is parsed on demand, once for all rooms.
import { type FieldError, ThumpError } from "./codes.ts";
import { type Data, dataFromText, dataFromValue, type Encoding, sizeOfData } from "./data.ts";
import { countValues } from "./json-fields.ts";
import { parseJson } from "./json.ts";

/** The data to forward, and its parsed value for validation by a room's schema. */
interface Parsed {
  data: Data;
  value: unknown;
}

/**
 * Validates a value. Returns its errors, or undefined if the value is valid. If `brief` is set, the list of errors is
 * empty.
 */
export type Check = (value: unknown, brief?: boolean) => FieldError[] | undefined;

/**
 * The maximum length, in characters, of a source text whose parsed value is cached. Longer texts are parsed again for
 * each schema.
 */
const MAX_CACHED_BYTES = 64 * 1024;
/** Errors are listed only for data with at most about this number of values, because each value takes about 40 µs. */
export const MAX_EXPLAINED = 64;
/** The maximum number of JSON characters that encode one byte of a string. */
const MAX_ESCAPE_FACTOR = 6;

export class Content {
  #parsed: Parsed | undefined;
  #data: Data | undefined;
  /** Validation results per schema. */
  #found: Map<Check, FieldError[] | undefined> | undefined;

  /**
   * @param size the size as received, in bytes
   * @param least a lower bound for the size of the data, in bytes
   * @param parse parses the content; undefined if the content is already parsed
   * @param keeps whether to cache the parsed value
   */
  private constructor(
    readonly size: number,
    readonly least: number,
    readonly parse: (() => Parsed) | undefined,
    readonly keeps = true,
  ) {}

  /** Creates the content of a text frame or body: JSON if the text parses, otherwise a string. */
  static text(text: string): Content {
    const size = Buffer.byteLength(text);
    return new Content(size, size, () => dataFromText(text), text.length <= MAX_CACHED_BYTES);
  }

  static bytes(bytes: Uint8Array): Content {
    const content = new Content(bytes.byteLength, bytes.byteLength, undefined);
    content.#parsed = { data: { kind: "binary", bytes }, value: bytes };
    return content;
  }

  /** Creates content from JSON text, which is forwarded as written. */
  static json(text: string): Content {
    const size = Buffer.byteLength(text);
    const parse = (): Parsed => ({ data: { kind: "json", text }, value: parseData(text) });
    return new Content(size, size, parse, text.length <= MAX_CACHED_BYTES);
  }

  /** Creates content from a value. If `encoding` is set, the value is a string that encodes bytes. */
  static value(value: unknown, encoding?: Encoding): Content {
    // Other values are measured when they are serialized. They come from code, which is not rate-limited.
    const size = typeof value === "string" ? Buffer.byteLength(value) : 0;
    return new Content(size, 0, () => dataFromValue(value, encoding));
  }

  /**
   * Creates content from the `data` of a parsed envelope. A string is text or encodes bytes. Other values are forwarded
   * as written.
   * @param sourceOf returns the value's source text
   */
  static parsed(value: unknown, encoding: Encoding | undefined, sourceOf: () => string): Content {
    if (encoding !== undefined || value === undefined) return Content.value(value, encoding);
    const isText = typeof value === "string" && value.isWellFormed();
    const data: Data = isText ? { kind: "text", text: value } : { kind: "json", text: sourceOf() };
    const size = Buffer.byteLength(data.text);
    const content = new Content(size, size, undefined);
    content.#parsed = { data, value };
    return content;
  }

  /** Creates content from the unparsed `data` of an envelope. */
  static unparsed(source: string, encoding: Encoding | undefined): Content {
    if (!source.startsWith('"') && encoding === undefined) return Content.json(source);
    const size = Buffer.byteLength(source);
    const parse = (): Parsed => {
      const value = parseData(source);
      const { data } = dataFromValue(value, encoding);
      return { value, data: data.kind === "json" ? { kind: "json", text: source } : data };
    };
    return new Content(size, (size - 2) / MAX_ESCAPE_FACTOR, parse, source.length <= MAX_CACHED_BYTES);
  }

  /**
   * Returns the data.
   * @param limit the maximum size in bytes
   * @throws ThumpError `too-large`, `malformed`, `invalid`
   */
  data(limit: number): Data {
    if (this.#data) return this.#data;
    if (this.least > limit) throw tooLarge(this.size, limit);
    const { data } = this.#parse();
    // In these cases, the exact size is known only now.
    if (this.least < this.size || this.size === 0) {
      const size = sizeOfData(data);
      if (size > limit) throw tooLarge(size, limit);
    }
    return (this.#data = data);
  }

  /**
   * Returns a schema's validation errors, computed once per schema. Omits the details if `brief` is set or the data is
   * large.
   */
  errors(check: Check, brief: boolean | undefined): FieldError[] | undefined {
    const found = (this.#found ??= new Map());
    if (!found.has(check)) found.set(check, this.#check(check, brief));
    return found.get(check);
  }

  #check(check: Check, brief: boolean | undefined): FieldError[] | undefined {
    const { value, data } = this.#parse();
    // Explaining errors takes a thousand times as long as detecting them.
    const errors = check(value, true);
    return errors === undefined || brief || isLarge(data) ? errors : check(value);
  }

  #parse(): Parsed {
    if (this.#parsed) return this.#parsed;
    const parsed = (this.parse as () => Parsed)();
    if (this.keeps) this.#parsed = parsed;
    return parsed;
  }
}

function isLarge(data: Data): boolean {
  if (data.kind !== "json") return false;
  return countValues(data.text, { start: 0, end: data.text.length }, MAX_EXPLAINED) > MAX_EXPLAINED;
}

function parseData(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof ThumpError) throw error;
    throw new ThumpError("malformed", `The data is not JSON: ${(error as Error).message}.`);
  }
}

function tooLarge(size: number, limit: number): ThumpError {
  return new ThumpError("too-large", `The data has ${size} bytes; the limit is ${limit}.`);
}
