// One connection to the server: its request, its response, and then its messages.
import type { Endpoint } from "../jobs.ts";
import { EventStreamReader } from "./event-stream.ts";
import { closeSocket, sendNow } from "./libc.ts";
import type { Reader, ReaderContext } from "./reader.ts";
import type { Tally } from "./tally.ts";
import { WebSocketReader } from "./websocket.ts";

function requestOf(endpoint: Endpoint, port: number): Uint8Array {
  const upgrade = endpoint.transport === "websocket";
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
    ...endpoint.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${endpoint.path} HTTP/1.1\r\n${lines.join("")}\r\n`);
}

export class Connection {
  /** Answered as it should be: messages may come. */
  open = false;
  closed = false;
  reader: Reader | undefined;
  #head = "";
  #unsent: Uint8Array | undefined;

  constructor(
    readonly fd: number,
    readonly endpoint: Endpoint,
    readonly tally: Tally,
    readonly size: number,
    port: number,
  ) {
    this.send(requestOf(endpoint, port));
  }

  read(bytes: Uint8Array, length: number): void {
    if (this.reader) this.reader.read(bytes, 0, length);
    else this.#answer(bytes, length);
  }

  /** Sends now what the kernel takes, and keeps the rest for `flush`. */
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

  #answer(bytes: Uint8Array, length: number): void {
    const start = this.#head.length;
    this.#head += Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const upgrade = this.endpoint.transport === "websocket";
    if (!this.#head.startsWith(upgrade ? "HTTP/1.1 101" : "HTTP/1.1 200"))
      throw new Error(`${this.endpoint.path} was answered: ${this.#head.slice(0, 300)}`);
    const context: ReaderContext = {
      tally: this.tally,
      size: this.size,
      reply: (reply) => this.send(reply),
    };
    const chunked = /\r\ntransfer-encoding: *chunked/i.test(this.#head.slice(0, end + 2));
    this.reader = upgrade ? new WebSocketReader(context) : new EventStreamReader(context, chunked);
    this.#head = "";
    this.open = true;
    this.reader.read(bytes, end + 4 - start, length);
  }
}
