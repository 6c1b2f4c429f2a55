// What a publication carries on its way in: its size is known at once; it is parsed when it is wanted, once for all rooms.
import { type FieldError, ThumpError } from "./codes.ts";
import { type Data, dataFromText, dataFromValue, type Encoding, sizeOfData } from "./data.ts";
import { countValues } from "./json-fields.ts";
import { parseJson } from "./json.ts";

/** The data as it is sent on, and its value, which a room's schema checks. */
interface Parsed {
  data: Data;
  value: unknown;
}

/** Says what is wrong with a value, or nothing; when `brief`, without any details. */
export type Check = (value: unknown, brief?: boolean) => FieldError[] | undefined;

/** In characters: the value of a longer source is parsed again where a schema asks for it, rather than kept. */
const MAX_CACHED_BYTES = 64 * 1024;
/** In about how many values at most a schema's findings are told one by one: each takes it some 40 µs. */
export const MAX_EXPLAINED = 64;
/** A byte of a string takes at most so many in JSON. */
const MAX_ESCAPE_FACTOR = 6;

export class Content {
  #parsed: Parsed | undefined;
  #data: Data | undefined;
  /** What schemas had against it. */
  #found: Map<Check, FieldError[] | undefined> | undefined;

  /**
   * @param size how many bytes it takes as it was sent
   * @param least the data has at least so many
   * @param parse parses it, where that was not done
   * @param keeps whether its value is kept
   */
  private constructor(
    readonly size: number,
    readonly least: number,
    readonly parse: (() => Parsed) | undefined,
    readonly keeps = true,
  ) {}

  /** A text frame or body: JSON when it parses, else a string. */
  static text(text: string): Content {
    const size = Buffer.byteLength(text);
    return new Content(size, size, () => dataFromText(text), text.length <= MAX_CACHED_BYTES);
  }

  static bytes(bytes: Uint8Array): Content {
    const content = new Content(bytes.byteLength, bytes.byteLength, undefined);
    content.#parsed = { data: { kind: "binary", bytes }, value: bytes };
    return content;
  }

  /** JSON that is sent on as it was written. */
  static json(text: string): Content {
    const size = Buffer.byteLength(text);
    const parse = (): Parsed => ({ data: { kind: "json", text }, value: parseData(text) });
    return new Content(size, size, parse, text.length <= MAX_CACHED_BYTES);
  }

  /** A value. With `encoding` it is bytes. */
  static value(value: unknown, encoding?: Encoding): Content {
    // What other values take is found out when they are written; they come from code, which pays no rates.
    const size = typeof value === "string" ? Buffer.byteLength(value) : 0;
    return new Content(size, 0, () => dataFromValue(value, encoding));
  }

  /**
   * The `data` of an envelope that has been parsed. A string is text, or bytes; anything else is sent on as it was
   * written.
   * @param sourceOf finds how it was written
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

  /** The same of an envelope of which the `data` has not been parsed. */
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

  /** The data, which may have so many bytes. @throws ThumpError `too-large`, `malformed`, `invalid` */
  data(limit: number): Data {
    if (this.#data) return this.#data;
    if (this.least > limit) throw tooLarge(this.size, limit);
    const { data } = this.#parse();
    // Where it is not known already.
    if (this.least < this.size || this.size === 0) {
      const size = sizeOfData(data);
      if (size > limit) throw tooLarge(size, limit);
    }
    return (this.#data = data);
  }

  /** What a schema has against it, found out once a schema; without details when `brief`, or when it is large. */
  errors(check: Check, brief: boolean | undefined): FieldError[] | undefined {
    const found = (this.#found ??= new Map());
    if (!found.has(check)) found.set(check, this.#check(check, brief));
    return found.get(check);
  }

  #check(check: Check, brief: boolean | undefined): FieldError[] | undefined {
    const { value, data } = this.#parse();
    // To find out what is wrong takes a thousand times as long as to find out that something is.
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
  return new ThumpError("too-large", `The data has ${size} bytes; a publication may have ${limit}.`);
}
