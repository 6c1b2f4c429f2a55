// Bare TCP connections of the attacker: opened by the hundred, and none of them lives for long.
import type { Socket } from "bun";

/** Every request says that it was sent on for this address: all are from one. */
export const FROM = "Host: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n";

export const HANDSHAKE =
  `GET /ws HTTP/1.1\r\n${FROM}Upgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** A text frame of under 126 bytes, masked with zeros (RFC 6455 §5.2). */
export function textFrame(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Uint8Array.of(0x81, 0x80 | bytes.length, 0, 0, 0, 0), bytes]);
}

export interface Handlers {
  opened?(socket: Socket): void;
  /** Called with all that comes. */
  received?(socket: Socket, data: Buffer): void;
}

export class Sockets {
  readonly open = new Set<Socket>();
  #opening = 0;
  #over = false;

  /** @param most so many at the same time: more are not opened */
  constructor(
    readonly port: number,
    readonly most: number,
    readonly handlers: Handlers,
  ) {}

  /** Opens so many, as far as there is room. */
  add(count: number): void {
    for (let i = 0; i < count && this.open.size + this.#opening < this.most; i++) this.#connect();
  }

  end(): void {
    this.#over = true;
    for (const socket of this.open) socket.terminate();
  }

  #connect(): void {
    this.#opening++;
    const gone = (socket: Socket) => void this.open.delete(socket);
    const { handlers } = this;
    const opened = (socket: Socket) => {
      if (this.#over) return void socket.terminate();
      this.open.add(socket);
      handlers.opened?.(socket);
    };
    Bun.connect({
      hostname: "127.0.0.1",
      port: this.port,
      socket: {
        open: opened,
        data: (socket, data) => handlers.received?.(socket, data),
        close: gone,
        error: gone,
      },
    })
      // One that cannot be opened is what the server may want: it counts as an act all the same.
      .catch(() => {})
      .finally(() => this.#opening--);
  }
}
