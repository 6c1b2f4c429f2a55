// Splits a byte stream into lines of bytes. Pure: the consumer sets the pace.
import { CommandError } from "../exit-codes.ts";

/** Maximum length of a line. A longer line cannot be published, and buffering it could exhaust memory. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BOM = [0xef, 0xbb, 0xbf];

/**
 * Yields lines without their endings (`\n` or `\r\n`) and without a leading byte-order mark. The last line needs no
 * ending.
 * @throws CommandError if a line exceeds 4 MiB
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  // The chunks of a long line are joined only once, when the line ends.
  let parts: Uint8Array[] = [];
  let size = 0;
  let number = 0;
  const take = (): Uint8Array => {
    const line = withoutReturn(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts));
    parts = [];
    size = 0;
    return ++number === 1 ? withoutMark(line) : line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end; (end = chunk.indexOf(LINE_FEED, from)) >= 0; from = end + 1) {
      parts.push(chunk.subarray(from, end));
      yield take();
    }
    if (from === chunk.length) continue;
    // Copied, because the stream may reuse its buffer.
    parts.push(chunk.slice(from));
    size += chunk.length - from;
    if (size > MAX_LINE_BYTES) throw new CommandError(`Line ${number + 1} exceeds ${MAX_LINE_BYTES} bytes.`);
  }
  if (parts.length === 0) return;
  const marked = number === 0 && size === BOM.length;
  const line = take();
  // A byte-order mark without text is not a line.
  if (!marked || line.length > 0) yield line;
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

function withoutMark(line: Uint8Array): Uint8Array {
  return BOM.every((byte, i) => line[i] === byte) ? line.subarray(BOM.length) : line;
}
