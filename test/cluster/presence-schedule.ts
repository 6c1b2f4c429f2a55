// A random presence schedule on three nodes: users join and leave, nodes and Redis die, and connections break.
// Afterwards, the presence on all nodes must be correct.
import WS from "ws";
import { type Told, Roster, userToken } from "../support/presence.ts";
import type { Random } from "../support/random.ts";
import { SECRET } from "../support/tokens.ts";
import { Cluster, type Node } from "./cluster.ts";

const ROOMS = ["r", "s"];
const USERS = 7;
/** Seconds for which a dead node counts as present. */
const LEASE = 0.9;
const CALM = 20_000;
const rule = { join: "anyone", members: "anyone", presence: { grace: 0.2, list: 6 } };

/** A client's connection to a node, in some rooms. */
class Seat {
  readonly rosters = new Map<string, Roster>();
  open = true;
  /** The error from a notification that did not match the previous state, if there was one. */
  wrong: unknown;
  readonly #ws: WS;

  /** @param user undefined for a guest */
  constructor(
    readonly node: Node,
    readonly user: string | undefined,
    readonly rooms: string[],
    info: number,
  ) {
    const query = new URLSearchParams({ presence: "1" });
    for (const room of rooms) query.append("room", room);
    if (user !== undefined) query.set("token", userToken(user, { info }));
    this.#ws = new WS(`${node.url.replace("http", "ws")}/ws?${query}`, { handshakeTimeout: 5000 });
    this.#ws.on("message", (text: Buffer) =>
      this.#take(JSON.parse(String(text)) as Told & { presence?: Told }),
    );
    this.#ws.on("error", () => {
      // A `close` event follows.
    });
    this.#ws.on("close", () => (this.open = false));
  }

  close(): void {
    this.#ws.terminate();
  }

  #take(message: Told & { presence?: Told }): void {
    const { type, room = "" } = message;
    // Redis was unavailable longer than a join waits, so the client is not in the room.
    if (type === "error") return this.close();
    const presence = type === "joined" ? message.presence : message;
    if (presence?.users === undefined) return;
    const roster = this.rosters.get(room) ?? new Roster();
    this.rosters.set(room, roster);
    try {
      roster.apply(presence);
    } catch (error) {
      this.wrong = error;
    }
  }
}

/** Runs a schedule. Throws if a node or client does not report the actual presence. */
export async function playPresence(random: Random, steps: number, keeps: boolean): Promise<object> {
  const options = keeps ? ["--appendonly", "yes", "--appendfsync", "no"] : [];
  const config = {
    rooms: { "*": rule },
    access: { secrets: SECRET },
    limits: { rates: { address: { connects: false, joins: false } } },
  };
  const cluster = await Cluster.start(3, options, config, { lease: LEASE, patience: 1 });
  const game = new Game(random, cluster);
  try {
    for (let i = 0; i < steps; i++) await game.step();
    await game.calm();
    return game.counts;
  } finally {
    game.stop();
  }
}

/** Repeats a check until it reports no problem. */
async function settled(ask: () => Promise<string | undefined>): Promise<void> {
  const deadline = Date.now() + CALM;
  for (let wrong = await ask(); wrong !== undefined; wrong = await ask()) {
    if (Date.now() > deadline) throw new Error(wrong);
    await Bun.sleep(50);
  }
}

class Game {
  seats: Seat[] = [];
  readonly counts: Record<string, number> = {};

  constructor(
    readonly random: Random,
    readonly cluster: Cluster,
  ) {}

  async step(): Promise<void> {
    const { random } = this;
    for (let i = random.below(6); i > 0; i--) this.#joinOrLeave();
    const [name, run] = random.pick(this.#moves());
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    await run();
    await Bun.sleep(random.below(120));
  }

  stop(): void {
    for (const seat of this.seats) seat.close();
  }

  /** Repairs everything, then checks that every node and every subscriber reports the actual presence. */
  async calm(): Promise<void> {
    const { cluster } = this;
    for (const { link } of cluster.nodes) {
      link.release();
      link.accept();
      link.delay = 0;
    }
    await this.#startAll();
    await cluster.allReady();
    // One client subscribes to all rooms.
    for (const node of cluster.nodes) this.seats.push(new Seat(node, undefined, ROOMS, 0));
    await settled(() => this.#wrong());
    // When all users have left, no presence keys remain.
    this.stop();
    await settled(() => this.#left());
  }

  async #left(): Promise<string | undefined> {
    const keys = (await this.cluster.redis.ask("KEYS", "*")) as string[];
    const left = keys.filter((key) => /^\{thump\}:(here|users|seen|rooms|leaving)(:|$)/.test(key));
    return left.length > 0 ? `Redis still has ${left.join(", ")}` : undefined;
  }

  /** Returns the first difference between the reported and the actual presence. */
  async #wrong(): Promise<string | undefined> {
    const seats = this.seats.filter(({ open }) => open);
    for (const room of ROOMS) {
      const there = seats.filter(({ rooms }) => rooms.includes(room));
      const users = [...new Set(there.flatMap(({ user }) => user ?? []))].toSorted();
      const guests = there.filter(({ user }) => user === undefined).length;
      const actual = { users: users.length, guests, sessions: there.length };
      for (const [i, node] of this.cluster.nodes.entries()) {
        const response = await fetch(`${node.url}/rooms/${room}/members`);
        const list = (await response.json()) as Told & { sessions: number };
        const counts = { users: list.users, guests: list.guests, sessions: list.sessions };
        const names = (list.members ?? []).map(({ user }) => user).toSorted();
        if (!Bun.deepEquals(counts, actual) || (!list.more && !Bun.deepEquals(names, users)))
          return `node ${i} reports ${room} as ${JSON.stringify(list)}, but the actual presence is ${JSON.stringify({ ...actual, users })}`;
      }
      const infos = new Set<string>();
      for (const { rosters, wrong, node } of there) {
        if (wrong !== undefined) throw wrong;
        const roster = rosters.get(room);
        const names = roster?.names && [...roster.names.keys()].toSorted();
        const fits = roster?.users === users.length && roster.guests === guests;
        if (!fits || (names && !Bun.deepEquals(names, users)))
          return `a client of port ${node.port} has ${room} as ${JSON.stringify(roster?.state)}, but the actual presence is ${JSON.stringify({ ...actual, users })}`;
        if (roster.names) infos.add(JSON.stringify([...roster.names].toSorted()));
      }
      if (infos.size > 1) return `the nodes differ in the users of ${room}: ${[...infos].join(" ")}`;
    }
    return undefined;
  }

  #joinOrLeave(): void {
    const { random } = this;
    this.seats = this.seats.filter(({ open }) => open);
    if (this.seats.length > 0 && random.chance(2)) return random.pick(this.seats).close();
    const up = this.cluster.nodes.filter(({ isUp }) => isUp);
    const user = random.chance(4) ? undefined : `u${random.below(USERS)}`;
    const rooms = random.chance(2) ? ROOMS : [random.pick(ROOMS)];
    if (up.length > 0) this.seats.push(new Seat(random.pick(up), user, rooms, random.below(3)));
  }

  #moves(): [name: string, run: () => Promise<unknown> | void][] {
    const { random, cluster } = this;
    const node = random.pick(cluster.nodes);
    const { link } = node;
    const long = LEASE * 1000 * 1.5;
    return [
      ["nothing", () => {}],
      ["nothing", () => {}],
      ["kill a node", () => (node.isUp ? node.stop("SIGKILL") : undefined)],
      ["stop a node", () => (node.isUp ? node.stop("SIGTERM") : undefined)],
      ["start nodes", () => this.#startAll()],
      ["start nodes", () => this.#startAll()],
      ["cut a link", () => link.cut()],
      ["cut all links", () => cluster.nodes.forEach((each) => each.link.cut())],
      ["hold a link", () => this.#hold(node, random.below(300))],
      ["cut a node off", () => this.#cutOff(node, random.below(long))],
      ["slow down a link", () => void (link.delay = random.below(40))],
      ["pause Redis", () => cluster.redis.ask("CLIENT", "PAUSE", random.below(300))],
      ["restart Redis", () => this.#restartRedis()],
      ["flush the scripts", () => cluster.redis.ask("SCRIPT", "FLUSH")],
      ["empty Redis", () => cluster.redis.ask("FLUSHALL")],
    ];
  }

  async #startAll(): Promise<void> {
    await Promise.all(this.cluster.nodes.map((node) => (node.isUp ? undefined : node.start())));
  }

  async #hold({ link }: Node, ms: number): Promise<void> {
    link.hold();
    await Bun.sleep(ms);
    link.release();
  }

  /** Cuts off a node while users join and leave. */
  async #cutOff({ link }: Node, ms: number): Promise<void> {
    link.refuse();
    for (let i = 0; i < 3; i++) {
      this.#joinOrLeave();
      await Bun.sleep(ms / 3);
    }
    link.accept();
  }

  async #restartRedis(): Promise<void> {
    await this.cluster.redis.kill();
    await Bun.sleep(this.random.below(200));
    await this.cluster.redis.begin();
  }
}
