// The open loop: sends messages at planned times, regardless of the server's state.
import type { Histogram } from "hdr-histogram-js";
import type { Clock } from "./socket-loop.ts";
import type { Sender } from "./senders.ts";
import { microseconds } from "./tally.ts";

const BURSTS_PER_SECOND = 1_000;

export interface Plan {
  /** When the first burst is due, in ms. */
  start: number;
  /** Total messages per second from all senders. */
  rate: number;
  /** Total number of messages. */
  messages: number;
  /** Index of the sender that publishes first. */
  turn: number;
  /** The time from which the lateness of bursts is recorded, in ms. */
  timedFrom: number;
}

export class Load implements Clock {
  next: number;
  /** The lateness of each burst in the window, in microseconds. */
  readonly lag: Histogram = microseconds();
  #bursts = 0;
  #sent = 0;

  constructor(
    readonly senders: readonly Sender[],
    readonly plan: Plan,
  ) {
    this.next = senders.length === 0 ? Infinity : plan.start;
  }

  /** True if every message was sent and accepted by the server, or if there are no senders. */
  get done(): boolean {
    if (this.senders.length === 0) return true;
    return this.#sent === this.plan.messages && this.senders.every((sender) => sender.idle);
  }

  tick(now: number): void {
    const { start, rate, messages, timedFrom } = this.plan;
    if (this.#sent === messages) {
      // Bytes that the kernel or the server has not accepted yet still have to be sent.
      for (const sender of this.senders) if (!sender.idle) sender.flush();
      this.next = now + 1;
      return;
    }
    for (const sender of this.senders) if (!sender.idle) sender.flush();
    while (now >= this.next && this.#sent < messages) {
      const due = this.next;
      if (due >= timedFrom) this.lag.recordValue(Math.max(0, Math.round((now - due) * 1000)));
      this.#bursts++;
      const upTo = Math.min(messages, Math.round((this.#bursts * rate) / BURSTS_PER_SECOND));
      this.#burst(upTo - this.#sent, due);
      this.next = start + (this.#bursts * 1000) / BURSTS_PER_SECOND;
    }
  }

  /** Distributes a burst among the senders, which take turns. */
  #burst(count: number, due: number): void {
    const { senders } = this;
    const each = Math.floor(count / senders.length);
    const rest = count % senders.length;
    const turn = this.plan.turn + this.#sent;
    if (each > 0) for (const sender of senders) sender.send(each, due);
    for (let index = 0; index < rest; index++) senders[(turn + index) % senders.length]!.send(1, due);
    this.#sent += count;
  }
}
