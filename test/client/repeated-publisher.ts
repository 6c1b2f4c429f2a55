// A continuous publisher, and the messages that its subscribers must receive.

/** A published message, and its cursor. */
export interface SentMessage {
  data: string;
  at: string;
}

/**
 * Publishes "name 0", "name 1" and so on, four at a time, until the returned function is called. That function resolves
 * with all messages once they are stored. Pages run this function from its source text, so it must not use anything
 * else in this file.
 */
export function publishRepeatedly(
  name: string,
  publish: (data: string) => Promise<string>,
): () => Promise<SentMessage[]> {
  const sent: SentMessage[] = [];
  let running = true;
  let n = 0;
  const publishLoop = async () => {
    while (running) {
      const data = `${name} ${n++}`;
      sent.push({ data, at: await publish(data) });
      // The rate is limited because tests run for seconds, and the log must store every message.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const all = Promise.all([publishLoop(), publishLoop(), publishLoop(), publishLoop()]);
  return async () => {
    running = false;
    await all;
    return sent;
  };
}

/**
 * Returns the data of the messages in log order.
 * @throws Error if the log order of a publisher's messages differs from their publishing order, or if two messages have
 * the same cursor
 */
export function inOrder(sent: readonly SentMessage[]): string[] {
  const seq = ({ at }: SentMessage) => Number(at.split("-")[1]);
  const ordered = [...sent].sort((a, b) => seq(a) - seq(b));
  if (new Set(sent.map(({ at }) => at)).size !== sent.length)
    throw new Error("two messages have the same cursor");
  if (new Set(sent.map(({ at }) => at.split("-")[0])).size > 1) throw new Error("the epoch has changed");
  const next = new Map<string, number>();
  for (const { data } of ordered) {
    const [, name = "", n] = /^(\w+) (\d+)$/.exec(data) ?? [];
    if (n === undefined) continue;
    if (Number(n) !== (next.get(name) ?? 0)) throw new Error(`${data} is stored out of order`);
    next.set(name, Number(n) + 1);
  }
  return ordered.map(({ data }) => data);
}
