// One connection to the server: the request, the response, the dialect's initial exchange, and then messages.
import type { Dialect, Step } from "../dialect.ts";
import { AnswerReader } from "./answers.ts";
import { ChunkedReader } from "./chunked.ts";
import { inRoom } from "./encoder.ts";
import { EventStreamReader } from "./event-stream.ts";
import { closeSocket, sendNow } from "./libc.ts";
import type { Listener, Reader } from "./reader.ts";
import { Scanner } from "./scanner.ts";
import type { Receiver, Tally } from "./tally.ts";
import { WebSocketReader, messageFrame } from "./websocket.ts";

const MAX_CONTROL_BYTES = 4_096;
const MAX_CURSOR_BYTES = 256;
const CURSOR = /^[^",}\s]+/;
const HEAD_END = "\r\n\r\n";

export interface ConnectionOptions {
  dialect: Dialect;
  room: string;
  port: number;
  size: number;
  tally: Tally;
  /** Counts the deliveries. Undefined for a connection that only publishes. */
  receiver?: Receiver;
  /** Size of the kernel's receive buffer, in bytes. */
  receiveBuffer?: number;
  /** Remember the newest cursor. */
  remembers?: true;
  /** Resume with this cursor. */
  cursor?: string;
}

export class Connection implements Listener {
  /** True after the handshake and the initial exchange. */
  open = false;
  closed = false;
  /** Number of received frames or events. */
  payloads = 0;
  /** Number of frames, events and pings that were not messages. Some may have required a reply. */
  controls = 0;
  /** The newest cursor, if the dialect can resume. */
  cursor: string | undefined;
  /** Times of the connect and of the completed handshake, in ms. */
  readonly began: number;
  opened = 0;
  /** Called with the status of each response to a publish. */
  answered: (status: number) => void = () => {};
  readonly scanner: Scanner | undefined;
  reader: Reader | undefined;
  readonly #dialect: Dialect;
  readonly #answers: Map<string, string>;
  #steps: Step[];
  #head = "";
  #unsent: Uint8Array | undefined;

  constructor(
    readonly fd: number,
    readonly options: ConnectionOptions,
    now: number,
  ) {
    const { dialect, room, receiver, tally, size } = options;
    this.began = now;
    this.#dialect = dialect;
    this.#answers = new Map(Object.entries(dialect.answers ?? {}));
    this.#steps = (dialect.steps ?? []).map(({ send, expect }) => ({
      ...(send === undefined ? {} : { send: inRoom(send, room) }),
      ...(expect === undefined ? {} : { expect: inRoom(expect, room) }),
    }));
    if (receiver) this.scanner = new Scanner(tally, receiver, size, dialect.verbatim === true);
    if (dialect.transport === "http") {
      this.reader = new AnswerReader((status) => this.answered(status));
      this.#ready(now);
    } else this.send(this.#request());
  }

  /** True if all received bytes have been parsed completely. */
  get clean(): boolean {
    return this.open && this.reader!.clean && this.scanner?.clean === true;
  }

  read(bytes: Buffer, length: number): void {
    if (this.reader) this.reader.read(bytes, 0, length);
    else this.#answer(bytes, length);
  }

  payload(bytes: Buffer, from: number, to: number): void {
    this.payloads++;
    const some = this.scanner?.scan(bytes, from, to) === true;
    if (this.options.remembers) this.#remember(bytes, from, to);
    if (!some) this.controls++;
    else if (this.#steps.length === 0) return;
    // The payload is read only if deliveries are counted or a reply may be needed.
    if (this.scanner || this.#answers.size > 0 || this.#steps.length > 0)
      this.#control(bytes, from, to, some);
  }

  reply(bytes: Uint8Array): void {
    this.controls++;
    this.send(bytes);
  }

  foreign(): void {
    this.options.tally.faults.foreign++;
  }

  /** Sends as much as the kernel accepts, and stores the rest for `flush`. */
  send(bytes: Uint8Array): void {
    if (this.closed) return;
    if (this.#unsent) {
      this.#unsent = Buffer.concat([this.#unsent, bytes]);
      this.flush();
      return;
    }
    const sent = Math.max(0, sendNow(this.fd, bytes, bytes.length));
    if (sent < bytes.length) this.#unsent = bytes.slice(sent);
  }

  /** True if the kernel has not accepted all bytes. */
  get unsent(): boolean {
    return this.#unsent !== undefined;
  }

  flush(): void {
    const rest = this.#unsent;
    if (!rest) return;
    this.#unsent = undefined;
    this.send(rest);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSocket(this.fd);
  }

  #request(): Buffer {
    const { dialect, room, port, cursor } = this.options;
    const upgrade = dialect.transport === "websocket";
    const template = cursor === undefined ? dialect.path : dialect.resume!.path;
    const path = inRoom(template, room).replaceAll("{cursor}", encodeURIComponent(cursor ?? ""));
    const headers = {
      Host: `127.0.0.1:${port}`,
      ...(upgrade
        ? {
            Connection: "Upgrade",
            Upgrade: "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
          }
        : { Accept: "text/event-stream" }),
      ...dialect.headers,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  #answer(bytes: Buffer, length: number): void {
    const start = this.#head.length;
    this.#head += bytes.toString("latin1", 0, length);
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.#head.slice(0, end + 2);
    this.#head = "";
    const upgrade = this.#dialect.transport === "websocket";
    // A temporary error on an event stream also has status 200 (docs/protocol.md).
    const refused = /\r\nthump-error:/i.test(head);
    if (refused || !head.startsWith(upgrade ? "HTTP/1.1 101" : "HTTP/1.1 200"))
      throw new Error(`${this.#dialect.path} failed with this response: ${head.slice(0, 300)}`);
    const events = upgrade ? undefined : new EventStreamReader(this, this.options.size);
    const chunked = /\r\ntransfer-encoding: *chunked/i.test(head);
    this.reader = events ? (chunked ? new ChunkedReader(events) : events) : new WebSocketReader(this);
    this.#advance();
    this.reader.read(bytes, end + HEAD_END.length - start, length);
  }

  /** Sends the next frames of the initial exchange, until it has to wait for a frame from the server. */
  #advance(): void {
    for (let step = this.#steps[0]; step; step = this.#steps[0]) {
      if (step.send !== undefined) {
        this.send(messageFrame(step.send, this.#dialect.binary));
        delete step.send;
      }
      if (step.expect !== undefined) return;
      this.#steps.shift();
    }
    if (!this.open) this.#ready(this.options.tally.now);
  }

  #ready(now: number): void {
    this.open = true;
    this.opened = now;
  }

  #control(bytes: Buffer, from: number, to: number, some: boolean): void {
    const text = bytes.toString("latin1", from, Math.min(to, from + MAX_CONTROL_BYTES));
    const { gap } = this.#dialect;
    const { receiver } = this.options;
    if (gap !== undefined && receiver && text.includes(gap)) {
      receiver.announced = true;
      return;
    }
    const expected = this.#steps[0]?.expect;
    if (expected !== undefined && text.includes(expected)) {
      this.#steps.shift();
      this.#advance();
    }
    const answer = this.#answers.get(text.trim());
    if (answer !== undefined) this.send(messageFrame(answer, this.#dialect.binary));
    else if (this.#dialect.verbatim && receiver && !some && expected === undefined) this.foreign();
  }

  #remember(bytes: Buffer, from: number, to: number): void {
    const before = this.#dialect.resume?.before;
    if (before === undefined) return;
    const at = bytes.lastIndexOf(before, to - 1);
    if (at < from) return;
    const start = at + before.length;
    this.cursor = CURSOR.exec(bytes.toString("latin1", start, Math.min(to, start + MAX_CURSOR_BYTES)))?.[0];
  }
}
