// The content of a publication as received: its size is known at once; it is parsed on demand, once for all rooms.
import { type FieldError, ThumpError } from "./codes.ts";
import { type Data, dataFromText, dataFromValue, type Encoding, sizeOfData } from "./data.ts";
import { countValues } from "./json-fields.ts";
import { parseJson } from "./json.ts";

/** The data as it is forwarded, and its value, which a room's schema validates. */
interface Parsed {
  data: Data;
  value: unknown;
}

/** Returns the errors of a value, or undefined if it is valid. With `brief`, the list of errors is empty. */
export type Check = (value: unknown, brief?: boolean) => FieldError[] | undefined;

/** In characters. The value of a longer source is not cached, but parsed again for each schema. */
const MAX_CACHED_BYTES = 64 * 1024;
/** Errors are listed only for data of up to about this many values, because each value takes about 40 µs. */
export const MAX_EXPLAINED = 64;
/** Maximum length of one byte of a string in JSON. */
const MAX_ESCAPE_FACTOR = 6;

export class Content {
  #parsed: Parsed | undefined;
  #data: Data | undefined;
  /** Results of the schemas. */
  #found: Map<Check, FieldError[] | undefined> | undefined;

  /**
   * @param size size as received, in bytes
   * @param least lower bound of the size of the data, in bytes
   * @param parse parses the content; undefined if it is parsed already
   * @param keeps the parsed value is cached
   */
  private constructor(
    readonly size: number,
    readonly least: number,
    readonly parse: (() => Parsed) | undefined,
    readonly keeps = true,
  ) {}

  /** A text frame or body: JSON if it parses, otherwise a string. */
  static text(text: string): Content {
    const size = Buffer.byteLength(text);
    return new Content(size, size, () => dataFromText(text), text.length <= MAX_CACHED_BYTES);
  }

  static bytes(bytes: Uint8Array): Content {
    const content = new Content(bytes.byteLength, bytes.byteLength, undefined);
    content.#parsed = { data: { kind: "binary", bytes }, value: bytes };
    return content;
  }

  /** JSON that is forwarded as written. */
  static json(text: string): Content {
    const size = Buffer.byteLength(text);
    const parse = (): Parsed => ({ data: { kind: "json", text }, value: parseData(text) });
    return new Content(size, size, parse, text.length <= MAX_CACHED_BYTES);
  }

  /** A value. With `encoding`, a string that encodes bytes. */
  static value(value: unknown, encoding?: Encoding): Content {
    // The size of other values is measured when they are written. They come from code, which is not rate-limited.
    const size = typeof value === "string" ? Buffer.byteLength(value) : 0;
    return new Content(size, 0, () => dataFromValue(value, encoding));
  }

  /**
   * The `data` of a parsed envelope. A string is text, or encodes bytes; other values are forwarded as written.
   * @param sourceOf finds the source text of the value
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

  /** The unparsed `data` of an envelope. */
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
   * @param limit maximum size in bytes
   * @throws ThumpError `too-large`, `malformed`, `invalid`
   */
  data(limit: number): Data {
    if (this.#data) return this.#data;
    if (this.least > limit) throw tooLarge(this.size, limit);
    const { data } = this.#parse();
    // The exact size is not known yet.
    if (this.least < this.size || this.size === 0) {
      const size = sizeOfData(data);
      if (size > limit) throw tooLarge(size, limit);
    }
    return (this.#data = data);
  }

  /** Returns the errors of a schema, computed once per schema; without details if `brief` or if the data is large. */
  errors(check: Check, brief: boolean | undefined): FieldError[] | undefined {
    const found = (this.#found ??= new Map());
    if (!found.has(check)) found.set(check, this.#check(check, brief));
    return found.get(check);
  }

  #check(check: Check, brief: boolean | undefined): FieldError[] | undefined {
    const { value, data } = this.#parse();
    // Explaining an error takes a thousand times as long as detecting one.
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
