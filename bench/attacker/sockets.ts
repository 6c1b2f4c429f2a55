// The attacker's plain TCP connections: many, mostly short-lived.
import type { Socket } from "bun";
import type { Tally } from "./tally.ts";

/** The attacker's address, sent as the forwarded address in every request. */
const ATTACKER = "203.0.113.9";

/** Returns the request headers that a proxy in front of the server would add to forward a client's address. */
export function from(address: string): string {
  return `Host: 127.0.0.1\r\nX-Forwarded-For: ${address}\r\n`;
}
export const FROM = from(ATTACKER);

export function handshake(path: string, headers = FROM): string {
  return (
    `GET ${path} HTTP/1.1\r\n${headers}Upgrade: websocket\r\nConnection: Upgrade\r\n` +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
  );
}
export const HANDSHAKE = handshake("/ws");

/** Encodes a POST request with a JSON body. */
export function post(path: string, body: string | Uint8Array, headers = FROM): Buffer {
  const bytes = Buffer.from(body);
  const head = `POST ${path} HTTP/1.1\r\n${headers}Content-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** Encodes a text frame with a payload of up to 125 bytes and a zero mask (RFC 6455 §5.2). */
export function textFrame(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Uint8Array.of(0x81, 0x80 | bytes.length, 0, 0, 0, 0), bytes]);
}

export interface Handlers {
  opened?(socket: Socket): void;
  /** Called with all received data. */
  received?(socket: Socket, data: Buffer): void;
}

export class Sockets {
  readonly open = new Set<Socket>();
  /** Data that a congested connection has not accepted yet. */
  readonly #waiting = new WeakMap<Socket, Buffer>();
  #opening = 0;
  #ended = false;

  /**
   * @param maxOpen maximum number of open sockets
   * @param tally counts every response
   */
  constructor(
    readonly port: number,
    readonly maxOpen: number,
    readonly handlers: Handlers,
    readonly tally?: Tally,
  ) {}

  /** Opens this many sockets, up to the maximum. */
  add(count: number): void {
    for (let i = 0; i < count && this.open.size + this.#opening < this.maxOpen; i++) this.#connect();
  }

  /** Writes all bytes as fast as the server reads them. Returns false if an earlier write is still in progress. */
  write(socket: Socket, bytes: Buffer): boolean {
    if (this.#waiting.has(socket)) return false;
    const rest = bytes.subarray(Math.max(0, socket.write(bytes)));
    if (rest.length > 0) this.#waiting.set(socket, rest);
    return true;
  }

  end(): void {
    this.#ended = true;
    for (const socket of this.open) socket.terminate();
  }

  #connect(): void {
    this.#opening++;
    const gone = (socket: Socket) => void this.open.delete(socket);
    const { handlers } = this;
    const opened = (socket: Socket) => {
      if (this.#ended) return void socket.terminate();
      this.open.add(socket);
      handlers.opened?.(socket);
    };
    Bun.connect({
      hostname: "127.0.0.1",
      port: this.port,
      socket: {
        open: opened,
        data: (socket, data) => {
          this.tally?.see(data);
          handlers.received?.(socket, data);
        },
        drain: (socket) => {
          const rest = this.#waiting.get(socket);
          this.#waiting.delete(socket);
          if (rest) this.write(socket, rest);
        },
        close: gone,
        error: gone,
      },
    })
      // The server may refuse connections on purpose, so a failed attempt also counts as a request.
      .catch(() => {})
      .finally(() => this.#opening--);
  }
}
