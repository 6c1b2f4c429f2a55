// One who talks in a room without a pause until told to stop, and what must be heard of it.

/** What was said, and the cursor at which it is kept. */
export interface Said {
  data: string;
  at: string;
}

/**
 * Says "name 0", "name 1" and so on, some at a time, until the result is called; that resolves with all of it once
 * it is kept. It runs in pages too, as text: it may use nothing of this file.
 */
export function talk(name: string, publish: (data: string) => Promise<string>): () => Promise<Said[]> {
  const said: Said[] = [];
  let talking = true;
  let n = 0;
  const speak = async () => {
    while (talking) {
      const data = `${name} ${n++}`;
      said.push({ data, at: await publish(data) });
      // Not as fast as can be: tests go on for seconds, and nothing of it is to be forgotten meanwhile.
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
 * What was said, in the order in which it is kept.
 * @throws Error when that is not the order in which each said it, or one cursor is that of two
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
