// Reads an event stream (WHATWG HTML §9.2.6): text in, blocks out. Pure.

/** One block of a stream. Unlike an EventSource's event it is also there when it has no data. */
export interface Block {
  /** "message" where there is none. */
  event?: string;
  id?: string;
  data?: string;
  /** Digits, in ms. */
  retry?: string;
}

/** What takes a stream's text as it comes and hands over its blocks. */
export function eventParser(onBlock: (block: Block) => void): (text: string) => void {
  let rest = "";
  let block: Record<string, string> = {};
  const line = (text: string) => {
    if (text === "") {
      onBlock(block);
      block = {};
      return;
    }
    const [, name, value = ""] = /^([^:]*)(?::\u0020?(.*))?$/s.exec(text) ?? [];
    if (name) block[name] = name === "data" && name in block ? `${block["data"]}\n${value}` : value;
  };
  return (text) => {
    // A CR at the end may be half of a CRLF.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    lines.forEach(line);
  };
}
