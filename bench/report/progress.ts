// One line on a terminal that is written over and over; nothing in a pipe.

const stream = process.stderr;

export function progress(text: string): void {
  if (!stream.isTTY) return;
  stream.write(`\r\x1b[2K${text.slice(0, (stream.columns || 80) - 1)}`);
}

export function clearProgress(): void {
  if (stream.isTTY) stream.write("\r\x1b[2K");
}
