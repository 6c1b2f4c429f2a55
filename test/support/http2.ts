// An HTTP/2 client over TLS whose flow control a test sets manually (RFC 9113 §5.2).
import { connect, type TLSSocket } from "node:tls";
import { cleanup } from "./cleanup.ts";
import { Inbox } from "./clients.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8 } as const;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
const CANCEL = 8;

interface Http2Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

/** One stream of a connection. Received bytes use up the flow-control windows until `allow` extends them. */
export class BareStream {
  /** All received bytes, one character per byte. */
  text = "";
  readonly changes = new Inbox<number>();
  /** The error code with which the server reset the stream (RFC 9113 §7). */
  reset: number | undefined;
  ended = false;
  bytes = 0;

  constructor(
    readonly connection: BareHttp2,
    readonly id: number,
  ) {}

  /** Lets the server send this many more bytes. */
  allow(bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    this.connection.write(TYPE.windowUpdate, 0, this.id, payload);
  }

  /** Resets the stream, as a browser does when it closes an EventSource. */
  cancel(): void {
    this.connection.write(TYPE.reset, 0, this.id, Buffer.from([0, 0, 0, CANCEL]));
  }

  /** Resolves once the text passes the test, or the server has ended the stream. */
  async until(test: (text: string) => boolean): Promise<void> {
    await this.changes.until(() => this.ended || test(this.text));
  }

  take({ type, flags, payload }: Http2Frame): void {
    if (type === TYPE.data) {
      this.text += payload.toString("latin1");
      this.bytes += payload.length;
    }
    if (type === TYPE.reset) this.reset = payload.readUInt32BE();
    this.ended ||= type === TYPE.reset || (flags & END_STREAM) !== 0;
    this.changes.push(this.bytes);
  }
}

export class BareHttp2 {
  readonly #streams = new Map<number, BareStream>();
  #rest = Buffer.alloc(0);
  #next = 1;

  /** @param socket a TLS socket that negotiated `h2` */
  constructor(readonly socket: TLSSocket) {
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.write(PREFACE);
    this.write(TYPE.settings, 0, 0, Buffer.alloc(0));
    const whole = Buffer.alloc(4);
    // Enlarge the connection's window, so that only the streams' windows (65,535 bytes) limit the server.
    whole.writeUInt32BE(0x7fff_ffff - 65_535);
    this.write(TYPE.windowUpdate, 0, 0, whole);
  }

  /**
   * Requests an event stream.
   * @param fields header fields with lower-case names; names and values must be shorter than 127 bytes
   */
  open(path: string, fields: Record<string, string> = {}): BareStream {
    const stream = new BareStream(this, this.#next);
    this.#streams.set(this.#next, stream);
    const headers = {
      ":method": "GET",
      ":scheme": "https",
      ":authority": "localhost",
      ":path": path,
      accept: "text/event-stream",
      ...fields,
    };
    const block = Buffer.concat(Object.entries(headers).map(([name, value]) => literal(name, value)));
    this.write(TYPE.headers, END_STREAM | END_HEADERS, this.#next, block);
    this.#next += 2;
    return stream;
  }

  write(type: number, flags: number, stream: number, payload: Uint8Array): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    this.socket.write(Buffer.concat([head, payload]));
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const frame = {
        type: this.#rest.readUInt8(3),
        flags: this.#rest.readUInt8(4),
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, 9 + length),
      };
      this.#rest = this.#rest.subarray(9 + length);
      this.#take(frame);
    }
  }

  #take(frame: Http2Frame): void {
    if (frame.stream !== 0) return this.#streams.get(frame.stream)?.take(frame);
    if ((frame.flags & ACK) === 0 && (frame.type === TYPE.settings || frame.type === TYPE.ping))
      this.write(frame.type, ACK, 0, frame.type === TYPE.ping ? frame.payload : Buffer.alloc(0));
  }
}

/**
 * Encodes a header field without indexing or Huffman coding (RFC 7541 §6.2.2). The name and the value must each be
 * shorter than 127 bytes.
 */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/** Connects to a port on this machine and accepts any certificate. */
export async function bareHttp2(port: number): Promise<BareHttp2> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  cleanup(() => socket.destroy());
  socket.on("error", () => {
    // A connection may end with a reset.
  });
  await new Promise<void>((resolve) => socket.once("secureConnect", () => resolve()));
  if (socket.alpnProtocol !== "h2") throw new Error(`the server chose ${String(socket.alpnProtocol)}`);
  return new BareHttp2(socket);
}
