// All connections of one generator process, and the loop that reads them.
import { now as clockNow } from "./clock.ts";
import { Connection, type Opening } from "./connection.ts";
import { Epoll, delayAcks, inbox, openSocket, receiveNow, sleep } from "./libc.ts";
import { Seen } from "./seen.ts";
import { type Tally, microseconds } from "./tally.ts";

/** The loop looks at the sockets this often (ms): waking up for each byte would cost both sides more. */
const LOOK_EVERY = 0.2;
/**
 * After a look that took long it rests for a part of that time. The next look then finds more in each socket, and
 * reading more at a time costs less: so the generator keeps up where it would otherwise be as busy as the server.
 * What this adds to latencies is at most the time between two looks, which is reported.
 */
const REST = 0.25;
const PER_ADDRESS = 1_000;
const ADDRESSES = 250;
const ACK_TURNS = 64;

/** Something that wants to act at certain times while sockets are read. */
export interface Clock {
  /** When `tick` wants to be called next (ms). */
  readonly next: number;
  tick(now: number): void;
}

export class Swarm {
  readonly #byFd: (Connection | undefined)[] = [];
  readonly #seen = new Map<unknown, Seen>();
  readonly #epoll = new Epoll();
  /** Times between two looks, in microseconds. */
  looks = microseconds();
  #opened = 0;
  #turns = 0;
  #looked = clockNow();

  /** `process`: which of the generator's processes this is: each has source addresses of its own. */
  constructor(
    readonly port: number,
    readonly tally: Tally,
    readonly process: number,
  ) {}

  open(opening: Opening): Connection {
    // 127.0.0.1 and 127.0.1.1 are left to others.
    const group = Math.floor(this.#opened++ / PER_ADDRESS) % ADDRESSES;
    const source = [127, 0, 2 + this.process, 1 + group];
    const fd = openSocket(source, opening.port, opening.receiveBuffer);
    const connection = new Connection(fd, opening, clockNow());
    this.#byFd[fd] = connection;
    this.#epoll.add(fd);
    return connection;
  }

  close(connection: Connection): void {
    if (connection.closed) return;
    this.#byFd[connection.fd] = undefined;
    connection.close();
  }

  /** Stops reading from a connection, or reads on. */
  pause(connection: Connection, paused: boolean): void {
    if (paused) this.#epoll.remove(connection.fd);
    else this.#epoll.add(connection.fd);
  }

  /** Reads until `until` (ms), or until `done` says so, and calls the clocks when it is time to. */
  run(until: number, clocks: readonly Clock[] = [], done: () => boolean = () => false): void {
    let now = clockNow();
    let look = now;
    while (now < until && !done()) {
      const wait = Math.min(look, nextOf(clocks), until) - now;
      if (wait > 0.005) sleep(wait);
      now = clockNow();
      tickAll(clocks, now);
      if (now < look) continue;
      this.looks.recordValue(Math.round((now - this.#looked) * 1000));
      this.#looked = now;
      this.#look(clocks);
      const took = clockNow() - now;
      now += took;
      look = now + Math.max(LOOK_EVERY, took * REST);
    }
  }

  closeAll(): void {
    for (const connection of this.#byFd) if (connection) this.close(connection);
  }

  #look(clocks: readonly Clock[]): void {
    if (this.#turns++ % ACK_TURNS === 0) this.#delayAcks();
    const { tally } = this;
    const began = clockNow();
    const ready = this.#epoll.poll();
    for (let index = 0; index < ready; index++) {
      const connection = this.#byFd[this.#epoll.fd(index)];
      // A new connection may have got the number of one that was closed since.
      if (!connection || connection.began > began) continue;
      const length = receiveNow(connection.fd);
      tally.now = clockNow();
      tickAll(clocks, tally.now);
      if (length > 0) {
        this.#read(connection, length);
        tally.endRead();
      } else if (length === 0 || this.#epoll.broken(index)) {
        this.#epoll.remove(connection.fd);
        this.close(connection);
        tally.faults.closed++;
      }
    }
  }

  #read(connection: Connection, length: number): void {
    const { dialect } = connection.opening;
    if (connection.opening.remembers || !connection.scanner) {
      connection.read(inbox, length);
      return;
    }
    let seen = this.#seen.get(dialect);
    if (!seen) this.#seen.set(dialect, (seen = new Seen()));
    seen.read(connection, this.tally, inbox, length);
  }

  /** The kernel forgets this wish after a while, so it is repeated. */
  #delayAcks(): void {
    for (const connection of this.#byFd) if (connection) delayAcks(connection.fd);
  }
}

function nextOf(clocks: readonly Clock[]): number {
  let next = Infinity;
  for (const clock of clocks) if (clock.next < next) next = clock.next;
  return next;
}

function tickAll(clocks: readonly Clock[], now: number): void {
  for (const clock of clocks) if (now >= clock.next) clock.tick(now);
}
