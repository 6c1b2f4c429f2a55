// Reads rooms from Redis. Concurrent reads of the same room share commands.
import type { Publication, Slice } from "../../protocol/publication.ts";

/**
 * The result of a read: publications after `floor`. If `whole` is set, they include the room's newest publication, and
 * the result covers everything up to `seq`.
 */
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

/** The maximum number of publications per command. */
export const PUBLICATIONS_PER_READ = 1000;

export class ReadCoalescer {
  readonly #waiting = new Map<string, PendingRead[]>();
  readonly #running = new Set<string>();

  /**
   * @param readOnce reads up to `limit` publications of a room after a seq, in one command
   * @param upTo returns the seq up to which a slice may currently reach
   */
  constructor(
    readonly readOnce: (room: string, after: number, limit: number) => Promise<ReadResult>,
    readonly upTo: () => number,
  ) {}

  /**
   * Returns publications after a seq. Does not share a command that is already running, because its result may be too
   * old.
   */
  read(room: string, after: number, limit: number): Promise<Slice> {
    return new Promise((resolve, reject) => {
      const request: PendingRead = { after, limit, resolve, reject };
      const waiting = this.#waiting.get(room);
      if (waiting) return void waiting.push(request);
      this.#waiting.set(room, [request]);
      if (!this.#running.has(room)) queueMicrotask(() => void this.#run(room));
    });
  }

  async #run(room: string): Promise<void> {
    this.#running.add(room);
    for (let requests = this.#take(room); requests; requests = this.#take(room)) {
      try {
        const result = await this.#readFor(room, requests);
        for (const request of requests) request.resolve(cut(result, request, this.upTo()));
      } catch (error) {
        for (const { reject } of requests) reject(error);
      }
    }
    this.#running.delete(room);
  }

  #take(room: string): PendingRead[] | undefined {
    const requests = this.#waiting.get(room);
    this.#waiting.delete(room);
    return requests;
  }

  /**
   * Reads until all callers have enough publications. Uses several short commands, because a long one would block
   * Redis.
   */
  async #readFor(room: string, requests: PendingRead[]): Promise<ReadResult> {
    let [after, latest, limit] = [Number.POSITIVE_INFINITY, 0, 0];
    for (const request of requests) {
      after = Math.min(after, request.after);
      latest = Math.max(latest, request.after);
      limit = Math.max(limit, request.limit);
    }
    const first = after === latest ? limit : PUBLICATIONS_PER_READ;
    let result = await this.readOnce(room, after, Math.min(first, PUBLICATIONS_PER_READ));
    let enough = 0;
    for (const { seq } of result.publications) if (seq > latest) enough++;
    while (!result.whole && enough < limit) {
      const last = (result.publications.at(-1) as Publication).seq;
      const next = await this.readOnce(room, last, PUBLICATIONS_PER_READ);
      for (const { seq } of next.publications) if (seq > latest) enough++;
      // Publications that were trimmed in the meantime have already been read, unless later ones were trimmed too.
      const broken = next.floor > last;
      result = {
        ...next,
        floor: broken ? next.floor : result.floor,
        publications: broken ? next.publications : [...result.publications, ...next.publications],
      };
    }
    return result;
  }
}

function cut(
  { floor, seq, whole, publications }: ReadResult,
  { after, limit }: PendingRead,
  maxSeq: number,
): Slice {
  const from = Math.max(after, floor);
  const wanted = publications.filter((p) => p.seq > from && p.seq <= maxSeq);
  const some = wanted.length > limit ? wanted.slice(0, limit) : wanted;
  const ended = whole && some.length === wanted.length;
  return {
    from,
    upTo: ended ? Math.max(from, Math.min(seq, maxSeq)) : (some.at(-1)?.seq ?? from),
    publications: some,
  };
}

/**
 * Removes publications before a hole. Each publication names its predecessor. If the predecessor is missing, it has
 * been deleted, and the slice starts after it.
 * @param after the requested position: a seq, or "-"
 */
export function afterHole<T extends ReadResult>(result: T, after: string): T {
  const { publications } = result;
  let { floor } = result;
  let start = 0;
  publications.forEach(({ prev }, i) => {
    const first = after !== "-" ? Number(after) : result.whole ? 0 : prev;
    if (prev <= (publications[i - 1]?.seq ?? first) || prev <= floor) return;
    floor = prev;
    start = i;
  });
  return start === 0 && floor === result.floor
    ? result
    : { ...result, floor, publications: publications.slice(start) };
}
