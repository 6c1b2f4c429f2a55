// Reading from Redis: all that want something of one room at the same time share what is read.
import type { Publication, Slice } from "../../protocol/publication.ts";

/** What a read found: publications after `from`; `whole`: up to the newest, so that it reaches to `seq`. */
export interface ReadResult {
  floor: number;
  seq: number;
  whole: boolean;
  publications: Publication[];
}

interface PendingRead {
  after: number;
  limit: number;
  resolve(slice: Slice): void;
  reject(error: unknown): void;
}

/** So many publications one command reads. */
export const PUBLICATIONS_PER_READ = 1000;

export class ReadCoalescer {
  readonly #waiting = new Map<string, PendingRead[]>();
  readonly #running = new Set<string>();

  /**
   * @param step reads up to so many publications of a room after a seq, in one command
   * @param upTo how far a slice may claim to reach, now
   */
  constructor(
    readonly step: (room: string, after: number, limit: number) => Promise<ReadResult>,
    readonly upTo: () => number,
  ) {}

  /** What comes after a seq. A read that was sent before it was asked for is not shared: it may be too old. */
  read(room: string, after: number, limit: number): Promise<Slice> {
    return new Promise((resolve, reject) => {
      const wish: PendingRead = { after, limit, resolve, reject };
      const waiting = this.#waiting.get(room);
      if (waiting) return void waiting.push(wish);
      this.#waiting.set(room, [wish]);
      if (!this.#running.has(room)) queueMicrotask(() => void this.#run(room));
    });
  }

  async #run(room: string): Promise<void> {
    this.#running.add(room);
    for (let wishes = this.#take(room); wishes; wishes = this.#take(room)) {
      try {
        const found = await this.#gather(room, wishes);
        for (const wish of wishes) wish.resolve(cut(found, wish, this.upTo()));
      } catch (error) {
        for (const { reject } of wishes) reject(error);
      }
    }
    this.#running.delete(room);
  }

  #take(room: string): PendingRead[] | undefined {
    const wishes = this.#waiting.get(room);
    this.#waiting.delete(room);
    return wishes;
  }

  /** Reads on until everybody has enough, or all: no single command is to hold up the server. */
  async #gather(room: string, wishes: PendingRead[]): Promise<ReadResult> {
    let [after, latest, limit] = [Number.POSITIVE_INFINITY, 0, 0];
    for (const wish of wishes) {
      after = Math.min(after, wish.after);
      latest = Math.max(latest, wish.after);
      limit = Math.max(limit, wish.limit);
    }
    const first = after === latest ? limit : PUBLICATIONS_PER_READ;
    let found = await this.step(room, after, Math.min(first, PUBLICATIONS_PER_READ));
    let enough = 0;
    for (const { seq } of found.publications) if (seq > latest) enough++;
    while (!found.whole && enough < limit) {
      const last = (found.publications.at(-1) as Publication).seq;
      const next = await this.step(room, last, PUBLICATIONS_PER_READ);
      for (const { seq } of next.publications) if (seq > latest) enough++;
      // What was trimmed meanwhile was read already, unless more than that was.
      const broken = next.floor > last;
      found = {
        ...next,
        floor: broken ? next.floor : found.floor,
        publications: broken ? next.publications : [...found.publications, ...next.publications],
      };
    }
    return found;
  }
}

function cut(
  { floor, seq, whole, publications }: ReadResult,
  { after, limit }: PendingRead,
  most: number,
): Slice {
  const from = Math.max(after, floor);
  const wanted = publications.filter((p) => p.seq > from && p.seq <= most);
  const some = wanted.length > limit ? wanted.slice(0, limit) : wanted;
  const ended = whole && some.length === wanted.length;
  return {
    from,
    upTo: ended ? Math.max(from, Math.min(seq, most)) : (some.at(-1)?.seq ?? from),
    publications: some,
  };
}

/**
 * Publications name the one before each: where that is missing, somebody deleted it, and what a slice has is what
 * comes after the hole. @param after as it was asked for: a seq, or "-"
 */
export function afterHole<T extends ReadResult>(found: T, after: string): T {
  const { publications } = found;
  let { floor } = found;
  let start = 0;
  publications.forEach(({ prev }, i) => {
    const first = after !== "-" ? Number(after) : found.whole ? 0 : prev;
    if (prev <= (publications[i - 1]?.seq ?? first) || prev <= floor) return;
    floor = prev;
    start = i;
  });
  return start === 0 && floor === found.floor
    ? found
    : { ...found, floor, publications: publications.slice(start) };
}
