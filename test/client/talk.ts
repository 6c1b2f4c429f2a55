// A continuous publisher, and the messages that subscribers must receive from it.

/** A published message, and its cursor. */
export interface Said {
  data: string;
  at: string;
}

/**
 * Publishes "name 0", "name 1" and so on, four at a time, until the result is called. The result resolves with all of
 * them
 * once they are stored. Pages run this function as text: it must not use anything else in this file.
 */
export function talk(name: string, publish: (data: string) => Promise<string>): () => Promise<Said[]> {
  const said: Said[] = [];
  let talking = true;
  let n = 0;
  const speak = async () => {
    while (talking) {
      const data = `${name} ${n++}`;
      said.push({ data, at: await publish(data) });
      // The rate is limited because tests run for seconds, and the log must store all of it.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const all = Promise.all([speak(), speak(), speak(), speak()]);
  return async () => {
    talking = false;
    await all;
    return said;
  };
}

/**
 * The messages in the order of the log.
 * @throws Error if this is not the order of each publisher, or if two messages have the same cursor
 */
export function inOrder(said: readonly Said[]): string[] {
  const seq = ({ at }: Said) => Number(at.split("-")[1]);
  const ordered = [...said].sort((a, b) => seq(a) - seq(b));
  if (new Set(said.map(({ at }) => at)).size !== said.length) throw new Error("a cursor was given twice");
  if (new Set(said.map(({ at }) => at.split("-")[0])).size > 1) throw new Error("the epoch has changed");
  const next = new Map<string, number>();
  for (const { data } of ordered) {
    const [, name = "", n] = /^(\w+) (\d+)$/.exec(data) ?? [];
    if (n === undefined) continue;
    if (Number(n) !== (next.get(name) ?? 0)) throw new Error(`${data} is kept out of order`);
    next.set(name, Number(n) + 1);
  }
  return ordered.map(({ data }) => data);
}
