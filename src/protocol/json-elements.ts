// Finds the elements of a JSON array in its bytes, piece by piece, without parsing. Pure.
import { ThumpError } from "./codes.ts";
import { MAX_DEPTH, tooDeep } from "./json.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const LIST = 0x5b;
const LIST_END = 0x5d;
// Setting this bit turns "[" into "{" and "]" into "}".
const CURLY = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The kind of token that is valid next, between elements. */
type Expected = "anything" | "first" | "element" | "comma" | "nothing";

/**
 * Finds the elements of a JSON array, or the single value if the text is not an array. If the bytes are not JSON, the
 * result is meaningless: at least one of the elements is not JSON, or there are no elements.
 */
export class JsonElements {
  /** Whether the text is an array. */
  isArray = false;
  readonly starts: number[] = [];
  /** The index after the last byte of each element. */
  readonly ends: number[] = [];
  #at = 0;
  #expected: Expected = "anything";
  /** The state within an element: nesting depth, and whether the position is in a string. */
  #inside = false;
  #depth = 0;
  #quoted = false;

  /** @param most the maximum number of elements; the search stops at the first element beyond this number */
  constructor(
    readonly bytes: Uint8Array,
    readonly most: number,
  ) {}

  /**
   * Scans up to `size` more bytes. Returns false when the search is complete.
   * @throws ThumpError `malformed`
   */
  step(size: number): boolean {
    const { bytes } = this;
    const end = Math.min(bytes.length, this.#at + size);
    while (this.#at < end && this.starts.length <= this.most)
      if (this.#inside) this.#element(end);
      else this.#between(bytes[this.#at] as number);
    if (this.starts.length > this.most) return false;
    if (this.#at < bytes.length) return true;
    // A single value extends to the end of the body.
    if (!this.isArray && this.starts.length > 0) this.ends[0] = bytes.length;
    else if (this.#expected !== "nothing") throw malformed("the text ends unexpectedly");
    return false;
  }

  #between(char: number): void {
    if (char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09) return void this.#at++;
    const expected = this.#expected;
    if (expected === "anything" && char === LIST) {
      this.isArray = true;
      this.#expected = "first";
    } else if (expected === "anything") {
      this.starts.push(this.#at);
      this.#at = this.bytes.length;
      return;
    } else if (char === LIST_END && (expected === "first" || expected === "comma"))
      this.#expected = "nothing";
    else if (char === COMMA && expected === "comma") this.#expected = "element";
    else if (expected === "first" || expected === "element") {
      this.starts.push(this.#at);
      this.#inside = true;
      return;
    } else throw malformed(`unexpected character at byte ${this.#at} (expected: ${expected})`);
    this.#at++;
  }

  /** Scans to the end of the element, or to `end`. */
  #element(end: number): void {
    const { bytes } = this;
    let depth = this.#depth;
    let quoted = this.#quoted;
    let at = this.#at;
    for (; at < end; at++) {
      const char = bytes[at] as number;
      if (quoted) {
        if (char === BACKSLASH) at++;
        else if (char === QUOTE) quoted = false;
      } else if (char === QUOTE) quoted = true;
      else if ((char | CURLY) === OPEN) {
        if (++depth >= MAX_DEPTH) throw tooDeep();
      } else if (depth === 0 && (char === COMMA || char === LIST_END)) {
        this.ends.push(at);
        this.#inside = false;
        this.#expected = "comma";
        break;
      } else if ((char | CURLY) === CLOSE) depth--;
    }
    this.#at = at;
    this.#depth = depth;
    this.#quoted = quoted;
  }
}

function malformed(why: string): ThumpError {
  return new ThumpError("malformed", `The body is not JSON: ${why}.`);
}
