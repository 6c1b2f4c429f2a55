// A random schedule checked against the model: clients connect, publish, stall, drop and return on other transports.
import type { StoreOptions } from "../../src/index.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { type Connection, KINDS, type Kind, type Listener, open } from "./connections.ts";
import { Random } from "../support/random.ts";
import { type Promised, Reader, Truth } from "./truth.ts";

const ROOMS: Record<string, Promised> = {
  "large-a": "exact",
  "large-b": "exact",
  early: "exact",
  small: "gaps",
  none: "gaps",
  latest: "latest",
};
const RULES = {
  "large-*": { history: { count: 1_000_000, bytes: "1GiB", age: "1h" } },
  early: { history: { count: 1_000_000, bytes: "1GiB", age: "1h", deliver: "at-once" } },
  small: { history: { count: 20, bytes: "200KiB" } },
  none: { history: false },
  latest: { history: { count: 1 }, lag: "latest" },
} as const;

/** Number of additional rooms, for merges of many rooms. */
const MANY = 40;
const MANY_ROOMS: Record<string, Promised> = {
  ...ROOMS,
  ...Object.fromEntries(Array.from({ length: MANY }, (_, i) => [`large-${i}`, "exact" as const])),
};

/** One client across all its connections. */
class Client implements Listener {
  readonly readers = new Map<string, Reader>();
  connection: Connection | undefined;
  paused = false;
  order = 0;
  failure: Error | undefined;
  /** The events so far, shown in the error if a check fails. */
  readonly trace: string[] = [];

  constructor(
    readonly truth: Truth,
    readonly rooms: string[],
  ) {
    for (const room of rooms) this.readers.set(room, new Reader(truth, room, MANY_ROOMS[room] as Promised));
  }

  get session(): string | undefined {
    return this.connection?.session;
  }

  message(room: string, n: number): void {
    this.trace.push(`message ${room} n${n} seq ${this.truth.byNumber.get(n)?.seq}`);
    this.#check(() => {
      const seq = this.truth.byNumber.get(n)?.seq ?? 0;
      // An /events stream delivers all rooms in a single order. On the multiplexed socket, each room has its own order.
      if (this.connection?.kind === "events" && seq <= this.order)
        throw new Error(`${seq} after ${this.order}`);
      this.order = seq;
      (this.readers.get(room) as Reader).message(n, this.session);
    });
  }

  gap(room: string, at: number): void {
    this.#check(() => (this.readers.get(room) as Reader).gap(at));
  }

  at(position: number, only?: string): void {
    this.trace.push(`at ${position} ${only}`);
    this.#check(() => {
      for (const [room, reader] of this.readers) {
        if (only === undefined || only === room) reader.at(position, this.session);
      }
    });
  }

  /** The position from which the client resumes: the smallest of its rooms' positions, which covers all rooms. */
  get position(): number | undefined {
    const positions = [...this.readers.values()].map(({ position }) => position);
    return positions.some((position) => position === undefined)
      ? undefined
      : Math.min(...(positions as number[]));
  }

  // Stores an error, because an error thrown in a socket's handler would be lost.
  #check(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!this.failure)
        console.log(
          this.connection?.kind,
          this.session,
          this.rooms.length,
          JSON.stringify(this.trace.slice(-12)),
        );
      this.failure ??= error as Error;
    }
  }
}

export interface Outcome {
  publications: number;
  received: number;
  gaps: number;
  lagged: number;
  returns: number;
  restarts: number;
}

/**
 * Runs one schedule. Throws at the first violation, with the seed in the message.
 * @param store the log. If it outlives the server, the server is restarted at random times
 * @param cut use many rooms per session and the smallest catch-up pieces, so that merges are interrupted at every point
 */
export async function play(
  seed: number,
  steps: number,
  store: StoreOptions = { kind: "memory" },
  cut = false,
): Promise<Outcome> {
  const game = new Game(seed, store, cut);
  try {
    for (let i = 0; i < steps; i++) await game.step();
    return await game.finish();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const { connection } of game.clients) connection?.drop();
  }
}

class Game {
  readonly random: Random;
  readonly rooms: string[];
  server: TestServer;
  readonly truth = new Truth();
  readonly clients: Client[] = [];
  number = 0;
  returns = 0;
  restarts = 0;

  /** @param store the log. If it outlives the server, the server is restarted at random times */
  constructor(
    seed: number,
    readonly store: StoreOptions,
    readonly cut: boolean,
  ) {
    this.random = new Random(seed);
    this.rooms = Object.keys(cut ? MANY_ROOMS : ROOMS);
    this.server = this.#serve();
  }

  #serve(): TestServer {
    const server = startServer({ rooms: RULES, store: this.store });
    this.truth.observe(server.thump);
    if (this.cut) this.#cutSmall(server);
    return server;
  }

  /** Limits catch-up to a few publications per piece and a few pieces per tick, with almost no read-ahead. */
  #cutSmall({ thump }: TestServer): void {
    const { random } = this;
    const { limits, governor, backlog } = thump.hub.catchUp;
    limits.pieceBytes = 1 + random.below(2000);
    limits.pieceSteps = 1 + random.below(20);
    governor.limits.tickPieces = 1 + random.below(3);
    backlog.limits.heldBytes = random.below(5000);
    backlog.limits.readCount = 1 + random.below(5);
    backlog.reads.max = 1 + random.below(4);
  }

  /** Stops the server and starts a new one on the same log. */
  async #restart(): Promise<void> {
    this.#check();
    for (const client of this.clients) this.#drop(client);
    await this.server.stop();
    this.server = this.#serve();
    this.restarts++;
  }

  async step(): Promise<void> {
    const { random } = this;
    if (this.store.kind !== "memory" && random.chance(20)) return this.#restart();
    const dice = random.below(1000) / 1000;
    const connected = this.clients.filter(({ connection }) => connection);
    // Only replays are cut into pieces, so clients reconnect more often.
    if (this.cut && connected.length > 2 && random.chance(4))
      await this.#leaveAndReturn(random.pick(connected));
    else if (dice < 0.2 || connected.length < 3) await this.#arrive();
    else if (dice < 0.55)
      await this.#publish(1 + random.below(20), random.pick([10, 200, 2000, 15_000, 40_000]));
    else if (dice < 0.62) await this.#publish(150 + random.below(150), random.pick([15_000, 40_000]));
    // For clients that already lag, publishes many small messages, more than one slice holds.
    else if (dice < 0.65) await this.#publish(400 + random.below(800), 10);
    else if (dice < 0.72) this.#pause(random.pick(connected), true);
    else if (dice < 0.82) this.#pause(random.pick(connected), false);
    else if (dice < 0.9) this.#drop(random.pick(connected));
    else await this.#return();
    for (const { connection } of connected) if (random.chance(3)) connection?.ping?.();
    // Some steps wait until everything in flight has arrived. Most do not.
    if (random.below(10) < 4) await ticks();
    this.#check();
  }

  /** Lets all clients read to the end and checks that each has received everything. */
  async finish(): Promise<Outcome> {
    for (const client of this.clients) {
      if (!client.connection) await this.#connect(client);
      this.#pause(client, false);
    }
    await this.#publish(0, 0);
    const last = new Map<string, number>();
    for (const room of this.rooms) last.set(room, await this.#publishOne(room, 10));
    const done = () =>
      this.clients.every((client) =>
        [...client.readers].every(
          ([room, { position }]) =>
            (position ?? 0) >= (last.get(room) as number) || (room === "latest" && this.#isOwn(client, room)),
        ),
      );
    while (!done()) {
      this.#check();
      await ticks();
    }
    this.#check();
    const sum = (of: (reader: Reader) => number) =>
      this.clients.reduce(
        (total, { readers }) => total + [...readers.values()].reduce((part, reader) => part + of(reader), 0),
        0,
      );
    return {
      publications: this.truth.last,
      received: sum(({ received }) => received),
      gaps: sum(({ gaps }) => gaps),
      lagged: this.server.thump.hub.stats.lagged,
      returns: this.returns,
      restarts: this.restarts,
    };
  }

  /** True if the client itself published the room's newest message. With `lag: "latest"`, it then receives nothing. */
  #isOwn({ session }: Client, room: string): boolean {
    return session !== undefined && this.truth.byRoom.get(room)?.at(-1)?.except === session;
  }

  /** Disconnects a client, publishes messages that it misses, and reconnects it. */
  async #leaveAndReturn(client: Client): Promise<void> {
    if (client.paused) return;
    this.#drop(client);
    await this.#publish(1 + this.random.below(300), 10);
    this.returns++;
    await this.#connect(client);
  }

  /** A new client connects. */
  async #arrive(): Promise<void> {
    const rooms = this.rooms.filter(() => this.random.below(10) < 4);
    const client = new Client(this.truth, rooms.length > 0 ? rooms : ["large-a"]);
    this.clients.push(client);
    await this.#connect(client);
  }

  async #return(): Promise<void> {
    const away = this.clients.filter(({ connection }) => !connection);
    if (away.length === 0) return;
    this.returns++;
    await this.#connect(this.random.pick(away));
  }

  /** Connects on any transport that can carry the client's rooms, with its cursor if it has one. */
  async #connect(client: Client): Promise<void> {
    const kinds = client.rooms.length > 1 ? (["websocket", "events", "multiplexed"] as const) : KINDS;
    const kind: Kind = this.random.pick(kinds);
    const { position } = client;
    client.order = 0;
    // The rooms may be at different positions. The smallest covers them all, so some messages are received again. If a
    // room has no position, all rooms start now.
    for (const reader of client.readers.values()) reader.position = position;
    const after = position === undefined ? undefined : `${this.server.thump.hub.log.epoch}-${position}`;
    const early: (() => void)[] = [];
    let known = false;
    // Messages are queued until the session id is known, because the id shows whether a message is the client's own.
    const later = (run: () => void) => void (known ? run() : early.push(run));
    client.trace.push(`connect ${kind} after ${after}`);
    client.connection = await open(kind, this.server, client.rooms, after, {
      message: (room, n) => later(() => client.message(room, n)),
      gap: (room, at) => later(() => client.gap(room, at)),
      at: (at, room) => later(() => client.at(at, room)),
    });
    for (const reader of client.readers.values()) reader.confirmed = this.truth.last;
    known = true;
    for (const run of early) run();
  }

  #pause(client: Client, paused: boolean): void {
    client.paused = paused;
    if (paused) client.connection?.pause();
    else client.connection?.unpause();
  }

  #drop(client: Client): void {
    this.#pause(client, false);
    client.connection?.drop();
    client.connection = undefined;
  }

  /** Publishes several messages, most of them in one event-loop tick. */
  async #publish(count: number, size: number): Promise<void> {
    const { rooms } = this;
    const room = this.random.below(10) < 7 ? this.random.pick(rooms) : undefined;
    const publishers = this.clients.filter(({ connection }) => connection?.publish);
    const publisher =
      publishers.length > 0 && this.random.below(10) < 4 ? this.random.pick(publishers) : undefined;
    for (let i = 0; i < count; i++) {
      const own = publisher && this.random.pick(publisher.rooms);
      if (own) publisher.connection?.publish?.(own, this.#data(size));
      else void this.#publishOne(room ?? this.random.pick(rooms), size);
      // Sends a ping in the same tick as publications.
      if (this.random.chance(10)) publisher?.connection?.ping?.();
      if (this.random.chance(20)) await ticks();
    }
  }

  async #publishOne(room: string, size: number): Promise<number> {
    const { at } = await this.server.thump.publish(room, this.#data(size));
    return Number(at.split("-")[1]);
  }

  #data(size: number): { n: number; pad: string } {
    return { n: ++this.number, pad: "x".repeat(size) };
  }

  /** Checks the invariants: no failure, and no socket that buffers more than its limit. */
  #check(): void {
    for (const { failure } of this.clients) if (failure) throw failure;
    const { hub } = this.server.thump;
    for (const session of hub.sessions.values()) {
      const buffered = session.unreadBytes() ?? 0;
      if (buffered > hub.socketLimits.limit)
        throw new Error(`a socket buffers ${buffered} bytes; ${hub.socketLimits.limit} are allowed`);
    }
  }
}

/** Waits two event-loop ticks, after which written data has been sent. */
function ticks(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
