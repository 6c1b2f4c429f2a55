// The second way, where sockets are blocked: an event stream to listen, POST to publish, and the same exactness.
import type { Gap } from "./api.ts";
import { type ToldError, toldError } from "./errors.ts";
import { readText, Refused, request } from "./http.ts";
import { type Host, Link } from "./link.ts";
import type { Entry } from "./outbox.ts";
import { type Block, eventParser } from "./parser.ts";
import type { PresenceFrame } from "./presence.ts";
import type { Envelope, Seat } from "./seat.ts";
import { coveringPosition, parsePosition, type Position } from "./track.ts";

/** One request publishes at most so many, of about so many bytes. */
const BATCH = { count: 100, bytes: 128 * 1024 };

interface Result {
  at?: string;
  error?: ToldError;
}

/** One request for a stream, and its rooms. */
interface Feed {
  readonly seats: ReadonlySet<Seat>;
  readonly abort: AbortController;
  /** Everything up to here has come, of all rooms. */
  covered?: Position;
  /** What the server said of when to come back, in ms: first for all, then for us. */
  retries: number[];
}

export class StreamLink extends Link {
  readonly kind = "event-stream";
  readonly #abort = new AbortController();
  #feed: Feed | undefined;
  #arranging = false;
  #posting = false;
  #batch = BATCH.count;
  #heard = 0;
  /** The newest epoch that was heard of. */
  #epoch = "";

  constructor(
    host: Host,
    readonly token: string | undefined,
  ) {
    super(host);
    this.join();
  }

  /** Other rooms are another stream: the one that there is ends, and the next goes on where it was. */
  join(): void {
    if (this.#arranging) return;
    this.#arranging = true;
    this.after(0, () => {
      this.#arranging = false;
      this.#arrange();
    });
  }

  leave(): void {
    this.join();
  }

  /** @param missing something of it is: without, it is just to be another stream */
  rejoin(missing?: Seat): void {
    this.#stop(missing);
    this.join();
  }

  flush(): void {
    void this.#post();
  }

  check(moved: boolean): void {
    // There is nothing to ask: a stream that is silent for long, or on a network of before, is opened anew.
    if (this.opened && (moved || Date.now() - this.#heard > this.host.heartbeat)) this.rejoin();
  }

  protected release(): void {
    this.#stop();
    this.#abort.abort();
  }

  #arrange(): void {
    this.#stop();
    const feed: Feed = {
      seats: new Set(this.host.seats.values()),
      abort: new AbortController(),
      retries: [],
    };
    this.#feed = feed;
    this.#run(feed).catch((error: unknown) => {
      if (!feed.abort.signal.aborted) this.end(error instanceof Refused ? error.ended : {});
    });
  }

  /** Ends the stream. Its rooms are where it was, but for one of which something is missing. */
  #stop(missing?: Seat): void {
    const feed = this.#feed;
    this.#feed = undefined;
    feed?.abort.abort();
    for (const seat of feed?.seats ?? []) {
      if (feed?.covered && seat !== missing && seat.joined) seat.covered(feed.covered);
      seat.become(false);
    }
  }

  async #run(feed: Feed): Promise<void> {
    const { signal } = feed.abort;
    const seats = [...feed.seats];
    await this.#admit(
      feed,
      seats.filter(({ at }) => at === undefined),
    );
    if (signal.aborted) return;
    const positions = seats.map(({ track }) => track.position as Position);
    const start = coveringPosition(positions, this.#epoch);
    try {
      // Without a room it is a knock at the door: whoever answers "name a room" is there.
      const response = await request(this.host, this.token, path(seats, start), { signal });
      const take = eventParser((block) => signal.aborted || this.#take(feed, block));
      await readText(response, (text) => {
        this.#hear();
        take(text);
        return !signal.aborted;
      });
      if (!signal.aborted) this.end({ delay: feed.retries[1] });
    } catch (error) {
      if (signal.aborted || !(error instanceof Refused && error.lasting)) throw error;
      if (error.error.code === "invalid-query" && seats.length === 0) return this.#begin(feed);
      // One room that is not ours closes the stream to all: each is asked for alone, to find it.
      if (await this.#admit(feed, seats)) return;
      // Each is ours, but not the members of all.
      const wanting = seats.filter(({ presence }) => presence);
      if (wanting.length === 0) throw error;
      for (const seat of wanting) seat.refused(error.error);
      this.rejoin();
    }
  }

  /** Asks for rooms one by one: each gets a position, or is refused. True when there was one to be refused. */
  async #admit(feed: Feed, seats: readonly Seat[]): Promise<boolean> {
    const { signal } = feed.abort;
    let found = false;
    for (const seat of seats) {
      try {
        let position: Position | undefined;
        const take = eventParser(({ id }) => void (position ??= parsePosition(id)));
        const init = { signal };
        const response = await request(this.host, this.token, path([seat], seat.track.position), init);
        await readText(response, (text) => {
          take(text);
          return !position;
        });
        if (signal.aborted || !position) throw new Error("it ended before it began");
        seat.covered(position);
      } catch (error) {
        if (signal.aborted || !(error instanceof Refused && error.lasting)) throw error;
        found = true;
        seat.refused(error.error);
      }
    }
    // With those that are left.
    if (found) this.rejoin();
    return found;
  }

  #take(feed: Feed, { event, id, data, retry }: Block): void {
    if (retry !== undefined) feed.retries.push(retry);
    if (data !== undefined && !this.#event(feed, event, JSON.parse(data) as Envelope & Gap)) return;
    const position = parsePosition(id);
    if (!position) return;
    feed.covered = position;
    this.#epoch = position.epoch;
    if (data === undefined) this.#begin(feed);
  }

  /** False when something is missing: then this stream is over. */
  #event({ seats }: Feed, event: string, frame: Envelope & Gap): boolean {
    const seat = this.host.seats.get(frame.room);
    // It may have been left, and joined anew, for the next stream.
    if (!seat || !seats.has(seat)) return true;
    if (event === "thump:gap") seat.gap(frame);
    else if (event === "thump:presence") seat.present(frame as unknown as PresenceFrame);
    else if (!seat.message(frame)) {
      this.rejoin(seat);
      return false;
    }
    return true;
  }

  /** The first id without an event says that we are in. */
  #begin({ seats }: Feed): void {
    for (const seat of seats) if (!seat.joined) seat.become(true);
    if (this.opened) return;
    this.opened = true;
    this.host.opened(this);
    this.#hear();
    this.flush();
  }

  /** A server sends at least its keep-alives. */
  #hear(): void {
    const { heartbeat } = this.host;
    const now = Date.now();
    if (!this.opened || now - this.#heard < heartbeat / 10) return;
    this.#heard = now;
    this.watch(heartbeat * 2.5, () => this.#feed?.seats.size && this.end({}));
  }

  async #post(): Promise<void> {
    if (this.#posting || this.paused || !this.opened) return;
    const { outbox } = this.host;
    const batch: Entry[] = [];
    for (let bytes = 0; batch.length < this.#batch && bytes < BATCH.bytes;) {
      const entry = outbox.next();
      if (!entry) break;
      batch.push(entry);
      bytes += entry.bytes;
    }
    if (batch.length === 0) return;
    this.#posting = true;
    try {
      const response = await request(this.host, this.token, "/publish", {
        method: "POST",
        body: `[${batch.map(({ body }) => body).join(",")}]`,
        headers: { "content-type": "application/json" },
        signal: this.#abort.signal,
      });
      const { results } = (await response.json()) as { results: Result[] };
      batch.forEach((entry, i) => {
        const { at, error = {} } = results[i] ?? {};
        if (at !== undefined) outbox.settle(entry, at);
        else if (error.retry) this.pause([entry], error.retry);
        else outbox.settle(entry, toldError(error));
      });
    } catch (error) {
      this.#failed(batch, error);
    }
    this.#posting = false;
    this.flush();
  }

  #failed(batch: Entry[], error: unknown): void {
    // Given up already: all of it is in the outbox again.
    if (this.over) return;
    if (!(error instanceof Refused)) return this.end({});
    const { status, lasting, delay } = error;
    if (status === 401) return this.end(error.ended);
    if (!lasting) return this.pause(batch, delay ?? 1000);
    if (status === 413 && batch.length > 1) {
      // This server takes less at a time than most.
      this.#batch = 1;
      return this.host.outbox.rewind(batch);
    }
    for (const entry of batch) this.host.outbox.settle(entry, error.error);
  }
}

/** The query of a stream of these rooms. Without a cursor one room begins now, or with its newest. */
function path(seats: readonly Seat[], start: Position | undefined): string {
  const query = new URLSearchParams();
  for (const { name } of seats) query.append("room", name);
  if (start) query.set("after", `${start.epoch}-${start.seq}`);
  else if (seats[0]?.last) query.set("last", String(seats[0].last));
  if (seats.some(({ presence }) => presence)) query.set("presence", "1");
  return `/events?${query}`;
}
