// Parser for the multiplexed event stream: extracts the data of each event from the text. Pure.

/**
 * Returns a function that takes a stream's text in chunks. Supports the subset of the event stream format (WHATWG HTML
 * §9.2.6) that the server writes: lines end with LF, and each event has one `data` line.
 */
export function dataReader(onData: (data: string) => unknown): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) if (line.startsWith("data: ")) onData(line.slice(6));
  };
}
