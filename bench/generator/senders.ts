// Publishes one stream: immediately over a WebSocket, or over HTTP as earlier requests are answered.
import type { Dialect } from "../dialect.ts";
import type { Connection } from "./connection.ts";
import { FrameEncoder, RequestEncoder, type Waiting } from "./encoder.ts";

export interface Sender {
  /** Publishes the next `count` messages, which were due at `due` (ms). */
  send(count: number, due: number): void;
  /** Sends bytes that the kernel or the server has not accepted yet. */
  flush(): void;
  /** True if all due messages have been sent and accepted. */
  readonly idle: boolean;
}

export interface SenderOptions {
  connection: Connection;
  dialect: Dialect;
  room: string;
  stream: number;
  size: number;
  port: number;
  /** Sequence number of the first message. */
  first: number;
}

export class FrameSender implements Sender {
  readonly #options: SenderOptions;
  readonly #encoder: FrameEncoder;
  #next: number;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#encoder = new FrameEncoder(options.dialect, options.room, options.size);
    this.#next = options.first;
  }

  get idle(): boolean {
    return !this.#options.connection.unsent;
  }

  send(count: number, due: number): void {
    const { connection, stream } = this.#options;
    connection.send(this.#encoder.encode(stream, this.#next, count, due));
    this.#next += count;
  }

  flush(): void {
    this.#options.connection.flush();
  }
}

/** Queues messages and sends them in HTTP requests. Latency is measured from the due time, so it includes queueing. */
export class RequestSender implements Sender {
  readonly #options: SenderOptions;
  readonly #encoder: RequestEncoder;
  readonly #waiting: Waiting[] = [];
  readonly #pipeline: number;
  #sent = 0;
  #unanswered = 0;
  #next: number;

  constructor(options: SenderOptions) {
    const { connection, dialect, room, size, port } = options;
    this.#options = options;
    this.#encoder = new RequestEncoder(dialect, room, size, port);
    this.#pipeline = dialect.pipeline ?? 1;
    this.#next = options.first;
    connection.answered = (status) => {
      if (status < 200 || status > 299) throw new Error(`a publish failed with status ${status}`);
      this.#unanswered--;
      this.flush();
    };
  }

  get idle(): boolean {
    return this.#sent === this.#waiting.length && this.#unanswered === 0;
  }

  send(count: number, due: number): void {
    for (let message = 0; message < count; message++) this.#waiting.push({ seq: this.#next++, due });
    this.flush();
  }

  flush(): void {
    const { connection, stream } = this.#options;
    connection.flush();
    while (this.#unanswered < this.#pipeline && this.#sent < this.#waiting.length) {
      const batch = this.#waiting.slice(this.#sent, this.#sent + this.#encoder.maxItems);
      this.#sent += batch.length;
      this.#unanswered++;
      connection.send(this.#encoder.encode(stream, batch));
    }
    if (this.#sent === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#sent = 0;
    }
  }
}

export function senderOf(options: SenderOptions): Sender {
  return options.dialect.transport === "http" ? new RequestSender(options) : new FrameSender(options);
}
