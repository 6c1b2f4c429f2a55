// All connections of the generator, and the loop that reads them.
import type { Endpoint } from "../jobs.ts";
import { Connection } from "./connection.ts";
import { Epoll, delayAcks, inbox, openSocket, receiveNow, sleep } from "./libc.ts";
import type { Tally } from "./tally.ts";

/** The loop looks at the sockets this often (ms): waking up for each byte would cost both sides more. */
export const LOOK_EVERY = 0.2;
const PER_ADDRESS = 1_000;
const AT_ONCE = 64;
const ACK_TURNS = 64;
const PATIENCE = 20_000;

export interface Clock {
  /** When `tick` wants to be called next. */
  readonly next: number;
  tick(now: number): void;
}

const still: Clock = { next: Infinity, tick() {} };

export class Swarm {
  readonly connections: Connection[] = [];
  readonly #byFd: (Connection | undefined)[] = [];
  readonly #epoll = new Epoll();
  #turns = 0;

  constructor(
    readonly port: number,
    readonly tally: Tally,
    readonly size: number,
  ) {}

  /** Opens connections and waits until the server has answered each. */
  connect(endpoint: Endpoint, count: number, progress?: (open: number) => void): Connection[] {
    const opened: Connection[] = [];
    for (let first = 0; first < count; first += AT_ONCE) {
      const batch: Connection[] = [];
      for (let index = first; index < Math.min(count, first + AT_ONCE); index++)
        batch.push(this.#open(endpoint));
      const patience = performance.now() + PATIENCE;
      while (batch.some((connection) => !connection.open)) {
        if (batch.some((connection) => connection.closed))
          throw new Error("the server closed a connection while it was opened");
        if (performance.now() > patience) throw new Error("the server does not answer");
        this.#look(still);
      }
      opened.push(...batch);
      progress?.(opened.length);
    }
    return opened;
  }

  /** Reads until `done` says so, and calls the clock when it is time to. */
  run(until: number, clock: Clock = still, done: () => boolean = () => false): void {
    let now = performance.now();
    while (now < until && !done()) {
      const wait = Math.min(now + LOOK_EVERY, clock.next, until) - now;
      if (wait > 0.005) sleep(wait);
      now = performance.now();
      if (now >= clock.next) clock.tick(now);
      this.#look(clock);
      now = performance.now();
    }
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  #open(endpoint: Endpoint): Connection {
    const group = Math.floor(this.connections.length / PER_ADDRESS);
    const fd = openSocket([127, 0, 0, 2 + group], this.port);
    const connection = new Connection(fd, endpoint, this.tally, this.size, this.port);
    this.#epoll.add(fd);
    this.#byFd[fd] = connection;
    this.connections.push(connection);
    return connection;
  }

  #look(clock: Clock): void {
    if (this.#turns++ % ACK_TURNS === 0) this.#delayAcks();
    const { tally } = this;
    const ready = this.#epoll.poll();
    for (let index = 0; index < ready; index++) {
      const fd = this.#epoll.fd(index);
      const connection = this.#byFd[fd]!;
      const length = receiveNow(fd);
      tally.now = performance.now();
      if (tally.now >= clock.next) clock.tick(tally.now);
      if (length > 0) {
        connection.read(inbox, length);
        tally.endRead();
      } else if (length === 0 || this.#epoll.broken(index)) {
        this.#epoll.remove(fd);
        connection.close();
        tally.faults.closed++;
      }
    }
  }

  /** The kernel forgets this wish after a while, so it is repeated. */
  #delayAcks(): void {
    for (const connection of this.connections) if (!connection.closed) delayAcks(connection.fd);
  }
}
