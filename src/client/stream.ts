// The second way, where sockets are blocked: an event stream to listen, POST to publish, and the same exactness.
import type { Gap } from "./api.ts";
import { type ThumpError, type ToldError } from "./errors.ts";
import { endedBy, isLasting, readText, request } from "./http.ts";
import { type Host, type Link, newLink } from "./link.ts";
import type { Entry } from "./outbox.ts";
import { type Block, eventParser } from "./parser.ts";
import type { Envelope, Seat } from "./seat.ts";
import { coveringPosition, parsePosition, type Position } from "./track.ts";

/** One request publishes at most so many, of about so many bytes. */
const BATCH = { count: 100, bytes: 64 * 1024 };

/** The server's own events; all others are messages. */
const OWN: Record<string, string> = { "thump:gap": "gap", "thump:presence": "presence" };

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

export function streamLink(host: Host, token: string | undefined): Link {
  const { seats, outbox } = host;
  const closing = new AbortController();
  /** Of the rooms of which it is wanted who is present, and of the others: that is another right. */
  const feeds: Feed[] = [];
  let arranging = false;
  let posting = false;
  let lastHeard = 0;
  /** The newest epoch that was heard of. */
  let newestEpoch = "";
  const link = newLink(host, "event-stream", { join, leave: join, rejoin, flush, check }, () => {
    stop();
    closing.abort();
  });
  join();
  return link;

  /** Other rooms are another stream: the one that there is ends, and the next goes on where it was. */
  function join(): void {
    if (arranging) return;
    arranging = true;
    link.after(0, () => {
      arranging = false;
      arrange();
    });
  }

  /** @param missing something of it is: without, it is just to be another stream */
  function rejoin(missing?: Seat): void {
    stop(missing);
    join();
  }

  function flush(): void {
    void post();
  }

  function check(moved: boolean): void {
    // There is nothing to ask: a stream that is silent for long, or on a network of before, is opened anew.
    if (link.opened && (moved || Date.now() - lastHeard > host.heartbeat)) rejoin();
  }

  function arrange(): void {
    stop();
    const all = [...seats.values()];
    for (const presence of [true, false]) {
      const seats = new Set(all.filter((seat) => seat.presence === presence));
      // Without a room it is a knock at the door: whoever answers "name a room" is there.
      if (seats.size > 0 || (all.length === 0 && presence)) open(seats);
    }
  }

  function open(seats: Feed["seats"]): void {
    const feed: Feed = { seats, abort: new AbortController(), retries: [], heard: () => {} };
    feeds.push(feed);
    feed.heard = link.after(host.timeout, () => link.end());
    run(feed).catch((error: unknown) => {
      if (!feed.abort.signal.aborted) link.end(endedBy(error));
    });
  }

  /** Ends the streams. Their rooms are where they were, but for one of which something is missing. */
  function stop(missing?: Seat): void {
    for (const { abort, covered, heard, seats } of feeds.splice(0)) {
      abort.abort();
      heard();
      for (const seat of seats) {
        if (covered && seat !== missing && seat.joined) seat.covered(covered);
        seat.become(false);
      }
    }
  }

  async function run(feed: Feed): Promise<void> {
    const { signal } = feed.abort;
    const seats = [...feed.seats];
    await admit(
      feed,
      seats.filter(({ at }) => at === undefined),
    );
    if (signal.aborted) return;
    const positions = seats.map(({ track }) => track.position as Position);
    const start = coveringPosition(positions, newestEpoch);
    try {
      const take = eventParser((block) => signal.aborted || takeBlock(feed, block));
      await listen(feed, seats, start, (text) => {
        take(text);
        return !signal.aborted;
      });
      if (!signal.aborted) link.end({ delay: feed.retries[1] });
    } catch (error) {
      if (signal.aborted || !isLasting(error)) throw error;
      if (error.code === "invalid-query" && seats.length === 0) return begin(feed);
      // One room that is not ours closes the stream to all: each is asked for alone, to find it.
      if (!(await admit(feed, seats))) throw error;
    }
  }

  /** Reads a stream until `onText` has enough (returns false) or it ends. */
  async function listen(
    feed: Feed,
    seats: readonly Seat[],
    start: Position | undefined,
    onText: (text: string) => boolean,
  ): Promise<void> {
    const response = await request(host, token, path(seats, start), feed.abort.signal);
    const reading = readText(response, (text) => {
      hear(feed);
      return onText(text);
    });
    // Its end may look like a fault: gzip comes without a trailer (docs/protocol.md, Compression).
    await reading.catch(() => {});
  }

  /** Asks for rooms one by one: each gets a position, or is refused. True when there was one to be refused. */
  async function admit(feed: Feed, seats: readonly Seat[]): Promise<boolean> {
    const { signal } = feed.abort;
    let found = false;
    for (const seat of seats) {
      try {
        let position: Position | undefined;
        const take = eventParser(({ id }) => void (position ??= parsePosition(id)));
        await listen(feed, [seat], seat.track.position, (text) => {
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
    if (found) rejoin();
    return found;
  }

  function takeBlock(feed: Feed, { event, id, data, retry }: Block): void {
    if (Number(retry) >= 0) feed.retries.push(Number(retry));
    if (data !== undefined) {
      const frame = JSON.parse(data) as Envelope & Gap;
      const seat = seats.get(frame.room);
      // It may have been left, and joined anew, for the next stream; and where something is missing this one is over.
      if (seat && feed.seats.has(seat) && !seat.take(OWN[event ?? ""] ?? "message", frame))
        return rejoin(seat);
    }
    const position = parsePosition(id);
    if (!position) return;
    feed.covered = position;
    newestEpoch = position.epoch;
    if (data === undefined) begin(feed);
  }

  /** The first id without an event says that we are in. */
  function begin({ seats }: Feed): void {
    for (const seat of seats) if (!seat.joined) seat.become(true);
    if (link.opened) return;
    link.opened = true;
    host.opened(link);
    // From now on each stream has a watch of its own.
    link.watch(0, () => {});
    flush();
  }

  /** A server sends at least its keep-alives. */
  function hear(feed: Feed): void {
    lastHeard = Date.now();
    feed.heard();
    feed.heard = link.after(host.heartbeat * 2.5, () => link.end());
  }

  async function post(): Promise<void> {
    if (posting || link.paused || !link.opened) return;
    const batch: Entry[] = [];
    for (let bytes = 0; batch.length < BATCH.count && bytes < BATCH.bytes;) {
      const entry = outbox.next(BATCH.count);
      if (!entry) break;
      batch.push(entry);
      bytes += entry.bytes;
    }
    if (batch.length === 0) return;
    posting = true;
    // A connection may be dead without a word.
    const done = link.after(host.timeout, () => link.end());
    try {
      const body = `[${batch.map((entry) => entry.body).join()}]`;
      const { signal } = closing;
      const response = await request(host, token, "/publish", signal, body);
      const { results } = (await response.json()) as { results: Result[] };
      batch.forEach((entry, i) => {
        const { at, error = {} } = results[i] ?? {};
        link.answer(entry, at, error);
      });
    } catch (error) {
      failed(batch, error);
    }
    done();
    posting = false;
    flush();
  }

  function failed(batch: Entry[], error: unknown): void {
    // Given up already: all of it is in the outbox again.
    if (closing.signal.aborted) return;
    const { status, retry = 1000 } = error as ThumpError;
    if (status === undefined || status === 401) link.end(endedBy(error));
    else if (isLasting(error)) for (const entry of batch) outbox.settle(entry, error);
    else link.pause(batch, retry);
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
