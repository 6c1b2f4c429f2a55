// The lines of a stream of bytes, one by one. Pure: whoever asks for the next one sets the pace.
import { CommandError } from "../exit.ts";

/** The longest line, in bytes. What is longer is no publication, and would fill the memory. */
const LONGEST = 4 * 1024 * 1024;

/**
 * Lines without their ends (`\n` or `\r\n`); the last one counts without an end too.
 * @throws CommandError when one is over 4 MiB
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  // A long line comes in many chunks: they are put together once, at its end.
  let parts: string[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    const [first = "", ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    for (const text of [first, ...others].slice(0, -1)) {
      yield withoutReturn(parts.join("") + text);
      parts = [];
      size = 0;
    }
    const rest = others.at(-1) ?? first;
    parts.push(rest);
    size += rest.length;
    if (size > LONGEST) throw new CommandError(`A line has over ${LONGEST} bytes.`);
  }
  const last = parts.join("") + decoder.decode();
  if (last !== "") yield withoutReturn(last);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
