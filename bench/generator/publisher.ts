// The open loop: messages leave at planned times, however the server is doing.
import type { Connection } from "./connection.ts";
import { MessageWriter } from "./message.ts";
import type { Clock } from "./swarm.ts";
import { microseconds, type Tally } from "./tally.ts";
import { clientHeaderSize, writeHeader } from "./websocket.ts";

const BURSTS_A_SECOND = 1_000;

export class Publisher implements Clock {
  next = Infinity;
  /** Messages sent so far, which is the number of the next one. */
  sent = 0;
  /** How late each burst of the window left, in microseconds. */
  readonly lag = microseconds();
  readonly #writer: MessageWriter;
  readonly #header: number;
  #start = 0;
  #bursts = 0;
  #rate = 0;
  #first = 0;
  #last = 0;

  constructor(
    readonly connection: Connection,
    readonly tally: Tally,
    readonly size: number,
  ) {
    this.#writer = new MessageWriter(size);
    this.#header = clientHeaderSize(size);
  }

  /** Plans `seconds` of messages from `start` on. */
  plan(start: number, rate: number, seconds: number): void {
    this.#start = start;
    this.#rate = rate;
    this.#bursts = 0;
    this.#first = this.sent;
    this.#last = this.sent + Math.round(rate * seconds);
    this.next = start;
  }

  tick(now: number): void {
    this.connection.flush();
    while (now >= this.next && this.sent < this.#last) {
      const due = this.next;
      const planned = Math.round(((this.#bursts + 1) * this.#rate) / BURSTS_A_SECOND);
      if (this.sent >= this.tally.windowFrom && this.sent < this.tally.windowTo)
        this.lag.recordValue(Math.max(0, Math.round((now - due) * 1000)));
      this.#burst(Math.min(this.#first + planned, this.#last), due);
      this.#bursts++;
      this.next = this.#start + (this.#bursts * 1000) / BURSTS_A_SECOND;
    }
    // When all is sent, what the kernel has not taken yet still has to leave.
    if (this.sent >= this.#last) this.next = now + 1;
  }

  /** Sends one message at once. */
  sendOne(): void {
    this.#burst(this.sent + 1, performance.now());
  }

  #burst(upTo: number, due: number): void {
    const frame = this.#header + this.size;
    const bytes = new Uint8Array((upTo - this.sent) * frame);
    for (let at = 0; at < bytes.length; at += frame) {
      writeHeader(bytes, at, this.size);
      this.#writer.write(bytes, at + this.#header, this.sent);
      this.tally.planned(this.sent, due);
      this.sent++;
    }
    if (bytes.length > 0) this.connection.send(bytes);
  }
}
