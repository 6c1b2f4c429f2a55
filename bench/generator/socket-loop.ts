// All connections of one generator process, and the loop that reads them.
import { now as clockNow } from "./clock.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { Epoll, delayAcks, inbox, openSocket, receiveNow, sleep } from "./libc.ts";
import { CheckedReads } from "./checked-reads.ts";
import { type Tally, microseconds } from "./tally.ts";

/** Interval between passes over the sockets, in ms. Waking up for every byte would cost both sides more CPU time. */
const PASS_INTERVAL_MS = 0.2;
/**
 * Pause after a long pass, as a share of the pass's duration. The next pass then finds more data on each socket. Larger
 * reads cost less per byte, so the generator keeps up even with a server that is just as busy. The pause increases a
 * measured latency by at most the time between two passes. The results report that time.
 */
const PAUSE_SHARE = 0.25;
const SOCKETS_PER_ADDRESS = 1_000;
const ADDRESSES = 250;
const PASSES_PER_ACK_DELAY = 64;

/** A task that runs at set times while sockets are read. */
export interface Clock {
  /** The next time at which `tick` is due, in ms. */
  readonly next: number;
  tick(now: number): void;
}

export class SocketLoop {
  readonly #byFd: (Connection | undefined)[] = [];
  readonly #seen = new Map<unknown, CheckedReads>();
  readonly #epoll = new Epoll();
  /** Intervals between passes, in microseconds. */
  passIntervals = microseconds();
  #opened = 0;
  #passes = 0;
  #lastPass = clockNow();

  /** @param process index of this process, which determines its source addresses */
  constructor(
    readonly port: number,
    readonly tally: Tally,
    readonly process: number,
  ) {}

  open(options: ConnectionOptions): Connection {
    // Avoid 127.0.0.1 and 127.0.1.1, which other programs use.
    const group = Math.floor(this.#opened++ / SOCKETS_PER_ADDRESS) % ADDRESSES;
    const source = [127, 0, 2 + this.process, 1 + group];
    const fd = openSocket(source, options.port, options.receiveBuffer);
    const connection = new Connection(fd, options, clockNow());
    this.#byFd[fd] = connection;
    this.#epoll.add(fd);
    return connection;
  }

  close(connection: Connection): void {
    if (connection.closed) return;
    this.#byFd[connection.fd] = undefined;
    connection.close();
  }

  /** Stops or resumes reading from a connection. */
  pause(connection: Connection, paused: boolean): void {
    if (paused) this.#epoll.remove(connection.fd);
    else this.#epoll.add(connection.fd);
  }

  /** Reads until `until` (ms) or until `done` returns true, and calls the clocks when they are due. */
  run(until: number, clocks: readonly Clock[] = [], done: () => boolean = () => false): void {
    let now = clockNow();
    let nextPass = now;
    while (now < until && !done()) {
      const wait = Math.min(nextPass, nextOf(clocks), until) - now;
      if (wait > 0.005) sleep(wait);
      now = clockNow();
      tickAll(clocks, now);
      if (now < nextPass) continue;
      this.passIntervals.recordValue(Math.round((now - this.#lastPass) * 1000));
      this.#lastPass = now;
      this.#pass(clocks);
      const took = clockNow() - now;
      now += took;
      nextPass = now + Math.max(PASS_INTERVAL_MS, took * PAUSE_SHARE);
    }
  }

  closeAll(): void {
    for (const connection of this.#byFd) if (connection) this.close(connection);
  }

  #pass(clocks: readonly Clock[]): void {
    if (this.#passes++ % PASSES_PER_ACK_DELAY === 0) this.#delayAcks();
    const { tally } = this;
    const began = clockNow();
    const ready = this.#epoll.poll();
    for (let index = 0; index < ready; index++) {
      const connection = this.#byFd[this.#epoll.fd(index)];
      // A new connection may have reused the file descriptor of a connection that was closed in this pass.
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
    const { dialect } = connection.options;
    if (connection.options.remembers || !connection.scanner) {
      connection.read(inbox, length);
      return;
    }
    let seen = this.#seen.get(dialect);
    if (!seen) this.#seen.set(dialect, (seen = new CheckedReads()));
    seen.read(connection, this.tally, inbox, length);
  }

  /** Sets the option repeatedly, because the kernel resets it after a while. */
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
