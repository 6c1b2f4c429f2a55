// A random schedule for a cluster: nodes and Redis die and restart, connections break, and clients are notified of
// every loss.
import { Random } from "../support/random.ts";
import { type Acked, checkAll } from "./check.ts";
import { Cluster, type Node } from "./cluster.ts";
import { Reader, type Way, WAYS } from "./reader.ts";

/** Redis's `appendfsync` setting. `nothing` means that persistence is off. */
export type Keeping = "always" | "everysec" | "nothing";

/**
 * With `everysec`, Redis may reply up to this many ms before it writes, because a write waits for an fsync in progress.
 */
const POSTPONED_MS = 2000;
/** Interval between measurements of the file size, in ms. */
const NOTE_MS = 20;
/** Seconds that nodes wait for a dead node after a Redis restart. Short, so that a schedule does not take minutes. */
const LEASE = 3;

const ROOMS = ["a", "b", "c"];

export interface Outcome {
  acked: number;
  refused: number;
  received: number;
  gaps: number;
  returns: number;
  steps: Record<string, number>;
}

/** Runs a schedule. Throws at the first violation. */
export async function playCluster(seed: number, steps: number, keeping: Keeping): Promise<Outcome> {
  const options = keeping === "nothing" ? [] : ["--appendonly", "yes", "--appendfsync", keeping];
  const config = {
    rooms: { "*": { history: { count: 100_000, bytes: "256MiB", age: "1h" } } },
    limits: { rates: { address: { connects: false, publishes: false } } },
  };
  const cluster = await Cluster.start(3, options, config, { lease: LEASE });
  const game = new Game(new Random(seed), cluster, keeping);
  try {
    await game.begin();
    for (let i = 0; i < steps; i++) await game.step();
    return await game.finish();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await game.stop();
  }
}

class Game {
  readonly readers: Reader[] = [];
  readonly acked: Acked[] = [];
  readonly steps: Record<string, number> = {};
  refused = 0;
  #number = 0;
  #publishing = new Set<Promise<void>>();
  /** Sizes of Redis's file in the last two seconds. */
  #sizes: { at: number; size: number }[] = [];
  readonly #noting: Timer | undefined;

  constructor(
    readonly random: Random,
    readonly cluster: Cluster,
    readonly keeping: Keeping,
  ) {
    if (keeping === "everysec") this.#noting = setInterval(() => this.#noteSize(), NOTE_MS);
  }

  async begin(): Promise<void> {
    for (let i = 0; i < 9; i++) {
      const rooms = i % 4 === 0 ? [this.random.pick(ROOMS)] : ROOMS;
      this.readers.push(new Reader(rooms, WAYS[i % WAYS.length] as Way, () => this.#anyNode()));
    }
    while (!this.readers.every(({ started }) => started)) await Bun.sleep(10);
  }

  async step(): Promise<void> {
    const { random } = this;
    for (let i = 1 + random.below(15); i > 0; i--) this.#publish();
    const [name, run] = random.pick(this.#moves());
    this.steps[name] = (this.steps[name] ?? 0) + 1;
    await run();
    for (let i = random.below(10); i > 0; i--) this.#publish();
    await Bun.sleep(random.below(60));
  }

  /** Repairs everything, lets all readers read to the end, and checks everything. */
  async finish(): Promise<Outcome> {
    const { cluster } = this;
    for (const { link } of cluster.nodes) {
      link.delay = 0;
      link.release();
      link.accept();
    }
    for (const node of cluster.nodes) if (!node.isUp) await node.start();
    await cluster.allReady();
    await Promise.all(this.#publishing);
    const last = new Map<string, number>();
    for (const room of ROOMS) last.set(room, await this.#publishUntilAcknowledged(room, ++this.#number));
    const done = () =>
      this.readers.every((reader) =>
        reader.rooms.every((room) => reader.has(room, last.get(room) as number)),
      );
    const deadline = Date.now() + 20_000;
    while (!done()) {
      if (Date.now() > deadline) throw new Error(this.#missing(last));
      await Bun.sleep(20);
    }
    checkAll(this.readers, this.acked, this.keeping !== "always");
    const received = this.readers.flatMap((reader) => [...reader.received.values()]);
    return {
      acked: this.acked.length,
      refused: this.refused,
      received: received.reduce((sum, { messages }) => sum + messages.length, 0),
      gaps: received.reduce((sum, { gaps }) => sum + gaps.length, 0),
      returns: this.readers.reduce((sum, { returns }) => sum + returns, 0),
      steps: this.steps,
    };
  }

  async stop(): Promise<void> {
    clearInterval(this.#noting);
    await Promise.all(this.readers.map((reader) => reader.stop()));
    await Promise.allSettled(this.#publishing);
  }

  #missing(last: Map<string, number>): string {
    const some = this.readers.flatMap((reader, i) =>
      reader.rooms
        .filter((room) => !reader.has(room, last.get(room) as number))
        .map((room) => `client ${i} (${reader.way}) in ${room}, at ${reader.state}`),
    );
    return `the last publications did not arrive: ${some.join(", ")}`;
  }

  #moves(): [name: string, run: () => Promise<void> | void][] {
    const { random, cluster } = this;
    const node = random.pick(cluster.nodes);
    const { link } = node;
    return [
      ["kill a node", () => this.#kill(node)],
      ["start nodes", () => this.#startAll()],
      ["start nodes", () => this.#startAll()],
      ["restart the nodes in turn", () => this.#roll()],
      ["cut a link", () => link.cut()],
      ["cut all links", () => cluster.nodes.forEach((each) => each.link.cut())],
      ["hold a link", () => this.#hold(node, random.below(1500))],
      ["slow down a link", () => void (link.delay = random.below(40))],
      ["speed up all links", () => cluster.nodes.forEach((each) => void (each.link.delay = 0))],
      ["pause Redis", async () => void (await cluster.redis.ask("CLIENT", "PAUSE", random.below(800)))],
      ["restart Redis", () => this.#restartRedis()],
      ["kill a node and Redis", () => this.#killBoth(node)],
      ["drop a client", () => random.pick(this.readers).drop()],
      ["flush the scripts", async () => void (await cluster.redis.ask("SCRIPT", "FLUSH"))],
    ];
  }

  async #kill(node: Node): Promise<void> {
    // One node must stay alive to report which messages were acknowledged.
    if (this.cluster.nodes.filter(({ isUp }) => isUp).length > 1) await node.stop("SIGKILL");
  }

  /**
   * Kills a node and Redis together. The newest acknowledged messages may be neither in the file nor on another node.
   */
  async #killBoth(node: Node): Promise<void> {
    for (let i = 0; i < 5; i++) this.#publish();
    await Bun.sleep(this.random.below(30));
    await this.#kill(node);
    await this.#restartRedis();
  }

  async #startAll(): Promise<void> {
    for (const node of this.cluster.nodes) if (!node.isUp) await node.start();
  }

  /** Stops and restarts the nodes one after the other. */
  async #roll(): Promise<void> {
    for (const node of this.cluster.nodes) {
      if (!node.isUp) continue;
      await node.stop("SIGTERM");
      this.#publish();
      await node.start();
    }
  }

  async #hold(node: Node, ms: number): Promise<void> {
    node.link.hold();
    await Bun.sleep(ms);
    node.link.release();
  }

  async #restartRedis(): Promise<void> {
    const { redis } = this.cluster;
    const written = this.#sizes;
    this.#sizes = [];
    await redis.kill();
    await Bun.sleep(this.random.below(500));
    // Truncates the file to a size that it had in the last two seconds. A slow disk could cause this loss, but the
    // test's disk is never slow enough.
    if (this.keeping === "everysec" && written.length > 0) redis.loseAfter(this.random.pick(written).size);
    await redis.begin();
  }

  #noteSize(): void {
    if (!this.cluster.redis.isRunning) return;
    const at = performance.now();
    this.#sizes = this.#sizes.filter((note) => note.at > at - POSTPONED_MS);
    this.#sizes.push({ at, size: this.cluster.redis.appended });
  }

  #anyNode(): Node | undefined {
    const up = this.cluster.nodes.filter(({ isUp }) => isUp);
    return up.length > 0 ? up[Math.floor(Math.random() * up.length)] : undefined;
  }

  #publish(): void {
    const publishing = this.#publishUntilAcknowledged(this.random.pick(ROOMS), ++this.#number).then(
      () => {},
      () => {},
    );
    this.#publishing.add(publishing);
    void publishing.finally(() => this.#publishing.delete(publishing));
  }

  /** Publishes with the same key until a node acknowledges. */
  async #publishUntilAcknowledged(room: string, n: number): Promise<number> {
    for (;;) {
      try {
        const { status, at } = (await this.#anyNode()?.publish(room, n, `key-${n}`)) ?? { status: 0 };
        if (status === 201 && at !== undefined) {
          this.acked.push({ room, n, at });
          return n;
        }
        if (status !== 503 && status !== 0) throw new Error(`publishing was answered with ${status}`);
        this.refused++;
      } catch (error) {
        // The node died during the request. The publication may have been stored. The key prevents a duplicate.
        if (error instanceof Error && error.message.startsWith("publishing")) throw error;
      }
      await Bun.sleep(30);
    }
  }
}
