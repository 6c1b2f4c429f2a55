// Reads an event stream (WHATWG HTML §9.2.6): text in, blocks out. Pure.

/** One block of a stream. Unlike an EventSource's event it is also there when it has no data. */
export interface Block {
  event: string;
  id?: string;
  data?: string;
  retry?: number;
}

/** What takes a stream's text as it comes and hands over its blocks. */
export function eventParser(onBlock: (block: Block) => void): (text: string) => void {
  let rest = "";
  let block: Block = { event: "message" };
  const line = (text: string) => {
    if (text === "") {
      const whole = block;
      block = { event: "message" };
      return onBlock(whole);
    }
    const [, name, value = ""] = /^([^:]*)(?::\u0020?(.*))?$/s.exec(text) ?? [];
    if (name === "data") block.data = block.data === undefined ? value : `${block.data}\n${value}`;
    else if (name === "event") block.event = value || "message";
    else if (name === "id") block.id = value;
    else if (name === "retry" && /^\d+$/.test(value)) block.retry = Number(value);
  };
  return (text) => {
    // A CR at the end may be half of a CRLF.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    lines.forEach(line);
  };
}
