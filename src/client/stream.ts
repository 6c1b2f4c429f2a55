// The second way, where sockets are blocked: an event stream to listen, POST to publish, and the same exactness.
import type { Gap } from "./api.ts";
import { type ThumpError, type ToldError, toldError } from "./errors.ts";
import { endedBy, isLasting, readText, request } from "./http.ts";
import { type Host, Link } from "./link.ts";
import type { Entry } from "./outbox.ts";
import { type Block, eventParser } from "./parser.ts";
import type { PresenceFrame } from "./presence.ts";
import type { Envelope, Seat } from "./seat.ts";
import { coveringPosition, parsePosition, type Position } from "./track.ts";

/** One request publishes at most so many, of about so many bytes. */
const BATCH = { count: 100, bytes: 64 * 1024 };

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
  /** Calls off the timer that waits for a sign of life. */
  heard: () => void;
}

export class StreamLink extends Link {
  readonly kind = "event-stream";
  readonly #abort = new AbortController();
  /** Of the rooms of which it is wanted who is present, and of the others: that is another right. */
  #feeds: Feed[] = [];
  #arranging = false;
  #posting = false;
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
    const all = [...this.host.seats.values()];
    for (const presence of [true, false]) {
      const seats = new Set(all.filter((seat) => seat.presence === presence));
      // Without a room it is a knock at the door: whoever answers "name a room" is there.
      if (seats.size > 0 || (all.length === 0 && presence)) this.#open(seats);
    }
  }

  #open(seats: Feed["seats"]): void {
    const feed: Feed = { seats, abort: new AbortController(), retries: [], heard: () => {} };
    this.#feeds.push(feed);
    feed.heard = this.after(this.host.timeout, () => this.end());
    this.#run(feed).catch((error: unknown) => {
      if (!feed.abort.signal.aborted) this.end(endedBy(error));
    });
  }

  /** Ends the streams. Their rooms are where they were, but for one of which something is missing. */
  #stop(missing?: Seat): void {
    for (const { abort, covered, heard, seats } of this.#feeds.splice(0)) {
      abort.abort();
      heard();
      for (const seat of seats) {
        if (covered && seat !== missing && seat.joined) seat.covered(covered);
        seat.become(false);
      }
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
      const response = await request(this.host, this.token, path(seats, start), signal);
      const take = eventParser((block) => signal.aborted || this.#take(feed, block));
      await readText(response, (text) => {
        this.#hear(feed);
        take(text);
        return !signal.aborted;
        // Its end may look like a fault: gzip comes without a trailer (docs/protocol.md, Compression).
      }).catch(() => {});
      if (!signal.aborted) this.end({ delay: feed.retries[1] });
    } catch (error) {
      if (signal.aborted || !isLasting(error)) throw error;
      if (error.code === "invalid-query" && seats.length === 0) return this.#begin(feed);
      // One room that is not ours closes the stream to all: each is asked for alone, to find it.
      if (!(await this.#admit(feed, seats))) throw error;
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
        const alone = path([seat], seat.track.position);
        const response = await request(this.host, this.token, alone, signal);
        await readText(response, (text) => {
          this.#hear(feed);
          take(text);
          return !position;
        });
        if (signal.aborted || !position) throw new Error();
        // Where it has one, what lies between is the stream's to tell.
        if (!seat.at) seat.covered(position);
      } catch (error) {
        if (signal.aborted || !isLasting(error)) throw error;
        found = true;
        seat.refused(error);
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
    // From now on each stream has a watch of its own.
    this.watch(0, () => {});
    this.flush();
  }

  /** A server sends at least its keep-alives. */
  #hear(feed: Feed): void {
    this.#heard = Date.now();
    feed.heard();
    if (!this.over) feed.heard = this.after(this.host.heartbeat * 2.5, () => this.end());
  }

  async #post(): Promise<void> {
    if (this.#posting || this.paused || !this.opened) return;
    const { outbox } = this.host;
    const batch: Entry[] = [];
    for (let bytes = 0; batch.length < BATCH.count && bytes < BATCH.bytes;) {
      const entry = outbox.next(BATCH.count);
      if (!entry) break;
      batch.push(entry);
      bytes += entry.bytes;
    }
    if (batch.length === 0) return;
    this.#posting = true;
    // A connection may be dead without a word.
    const done = this.after(this.host.timeout, () => this.end());
    try {
      const body = `[${batch.map((entry) => entry.body).join()}]`;
      const { signal } = this.#abort;
      const response = await request(this.host, this.token, "/publish", signal, body);
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
    done();
    this.#posting = false;
    this.flush();
  }

  #failed(batch: Entry[], error: unknown): void {
    // Given up already: all of it is in the outbox again.
    if (this.over) return;
    const { status, retry = 1000 } = error as ThumpError;
    if (status === undefined || status === 401) this.end(endedBy(error));
    else if (isLasting(error)) for (const entry of batch) this.host.outbox.settle(entry, error);
    else this.pause(batch, retry);
  }
}

/** The query of a stream of these rooms. Without a cursor one room begins now, or with its newest. */
function path(seats: readonly Seat[], start: Position | undefined): string {
  const query = new URLSearchParams();
  for (const { name } of seats) query.append("room", name);
  if (start) query.set("after", `${start.epoch}-${start.seq}`);
  else if (seats[0]?.last) query.set("last", String(seats[0].last));
  if (seats[0]?.presence) query.set("presence", "1");
  return `/events?${query}`;
}
