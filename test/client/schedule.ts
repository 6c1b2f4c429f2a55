// A random schedule on a bad network: connections are cut, stalled, black-holed and blocked while all clients publish.
import type { ThumpError } from "../../src/client/index.ts";
import { type Room, type Thump } from "../../src/client/index.ts";
import type { ServerCore } from "../../src/server/server-core.ts";
import { Proxy } from "../support/proxy.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { client } from "./support.ts";

const ROOMS = ["a", "b", "c"];

/** The messages of one room that one client received. */
class ReceivedMessages {
  readonly numbers: number[] = [];
  readonly seqs: number[] = [];
  gaps = 0;
  /** The client's position when it first went live. The client must receive every message after this seq. */
  since = 0;

  constructor(readonly room: Room) {
    room.on("gap", () => this.gaps++);
    room.on("message", (data, { at }) => {
      this.numbers.push((data as { n: number }).n);
      this.seqs.push(Number(at.split("-")[1]));
    });
  }
}

/** Records every publication by its seq. For a repeated key, keeps only the first publication. */
function follow({ hub }: ServerCore): Map<number, { room: string; n: number }> {
  const truth = new Map<number, { room: string; n: number }>();
  const publish = hub.publish.bind(hub);
  hub.publish = (draft, traceparent) => {
    const kept = publish(draft, traceparent);
    if (kept instanceof Promise || draft.data.kind !== "json")
      throw new Error("the model supports only JSON data and synchronous appends");
    if (!truth.has(kept.seq))
      truth.set(kept.seq, { room: draft.room, n: (JSON.parse(draft.data.text) as { n: number }).n });
    return kept;
  };
  return truth;
}

export interface Outcome {
  published: number;
  received: number;
  connections: number;
  transports: string;
}

class ScheduleRun {
  readonly random: Random;
  readonly server = startServer({
    heartbeat: 0.2,
    rooms: { "*": { history: { count: 100_000, bytes: "100MiB", age: "1h" } } },
  });
  readonly truth = follow(this.server.thump);
  readonly clients: { thump: Thump; rooms: ReceivedMessages[] }[] = [];
  readonly published = new Map<number, string>();
  readonly failures: Error[] = [];
  readonly #publishing: Promise<void>[] = [];
  #number = 0;

  constructor(
    seed: number,
    readonly proxy: (port: number) => Promise<Proxy>,
  ) {
    this.random = new Random(seed);
  }

  async play(steps: number): Promise<Outcome> {
    const proxy = await this.proxy(this.server.port);
    await this.#connectClients(proxy);
    for (let i = 0; i < steps; i++) {
      this.#step(proxy);
      // Most steps start while earlier ones are still in progress.
      await (this.random.chance(3) ? Bun.sleep(this.random.below(12)) : fetch(`${this.server.url}/healthz`));
    }
    this.#repair(proxy);
    // WebSockets must work again, because one client uses no other transport.
    proxy.blockUpgrade = false;
    await Promise.all(this.#publishing);
    await this.#waitForAll();
    return this.#check(proxy);
  }

  async #connectClients(proxy: Proxy): Promise<void> {
    for (const transport of ["websocket", "event-stream", undefined, undefined] as const) {
      const options = {
        socketRetry: 40,
        timeout: 300,
        backoff: { first: 10, most: 100 },
        ...(transport ? { transport } : {}),
      };
      const thump = client(proxy.url, options);
      // A stream does not announce the ping interval, so the test sets it.
      (thump as unknown as { heartbeat: number }).heartbeat = 200;
      const rooms = ROOMS.map((room) => new ReceivedMessages(thump.room(room)));
      this.clients.push({ thump, rooms });
      while (thump.state !== "live") await Bun.sleep(1);
      for (const received of rooms) received.since = Number(received.room.at?.split("-")[1]);
    }
  }

  #step(proxy: Proxy): void {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 60) for (let i = random.below(8); i >= 0; i--) this.#publish(random.pick(this.clients).thump);
    else if (dice < 70) proxy.cut();
    else if (dice < 76) proxy.stall(random.chance(2));
    else if (dice < 84) proxy.blockUpgrade = !proxy.blockUpgrade;
    else if (dice < 88) proxy.refuse(random.chance(2));
    else if (dice < 90) proxy.blackHole(true);
    else this.#repair(proxy);
  }

  #repair(proxy: Proxy): void {
    proxy.blackHole(false);
    proxy.refuse(false);
    proxy.stall(false);
    proxy.blockUpgrade = this.random.chance(2);
  }

  #publish(thump: Thump): void {
    const n = ++this.#number;
    const kept = (at: string) => void this.published.set(n, at);
    const failed = (error: unknown) => void this.failures.push(error as ThumpError);
    this.#publishing.push(thump.publish(this.random.pick(ROOMS), { n }).then(kept, failed));
  }

  /** Waits until every client has received the last message of each room. */
  async #waitForAll(): Promise<void> {
    const last = await Promise.all(
      ROOMS.map(async (room) =>
        Number((await this.server.thump.publish(room, { n: ++this.#number })).at.split("-")[1]),
      ),
    );
    const caughtUp = () =>
      this.clients.every(({ rooms }) => rooms.every(({ seqs }, i) => seqs.at(-1) === last[i]));
    while (!caughtUp()) await Bun.sleep(1);
  }

  #check(proxy: Proxy): Outcome {
    if (this.failures[0]) throw this.failures[0];
    const numbers = [...this.truth.values()].map(({ n }) => n);
    if (new Set(numbers).size !== numbers.length) throw new Error("a publication was stored twice");
    for (const [n, at] of this.published) {
      const kept = this.truth.get(Number(at.split("-")[1]));
      if (kept?.n !== n) throw new Error(`${n} was acknowledged at ${at}, where ${kept?.n} is stored`);
    }
    let received = 0;
    this.clients.forEach(({ rooms }, who) =>
      rooms.forEach(({ room, seqs, numbers: got, gaps, since }) => {
        const expected = [...this.truth].filter(([seq, told]) => told.room === room.name && seq > since);
        const wrong = expected.findIndex(([seq, { n }], i) => seqs[i] !== seq || got[i] !== n);
        if (wrong >= 0 || seqs.length !== expected.length)
          throw new Error(
            `client ${who}, room ${room.name}: at ${wrong} got ${seqs[wrong]}, expected ${expected[wrong]?.[0]}; ${seqs.length} of ${expected.length}`,
          );
        if (gaps > 0)
          throw new Error(`client ${who} received a gap notice, although all messages are stored`);
        received += seqs.length;
      }),
    );
    const transports = this.clients.map(({ thump }) => thump.transport).join(" ");
    return { published: this.truth.size, received, connections: proxy.connections, transports };
  }
}

/** Runs one schedule. @throws Error with the seed in its message, if a guarantee is violated */
export async function play(seed: number, steps: number): Promise<Outcome> {
  try {
    return await new ScheduleRun(seed, (port) => Proxy.start(port)).play(steps);
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}
