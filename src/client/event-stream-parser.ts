// Reads the multiplexed stream: text in, the data of each event out. Pure.

/**
 * What takes a stream's text as it comes. Of the event stream format (WHATWG HTML §9.2.6) it knows what the server
 * writes: lines that end with LF, and all data of an event in one of them.
 */
export function dataReader(onData: (data: string) => unknown): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) if (line.startsWith("data: ")) onData(line.slice(6));
  };
}
