// A plain TCP connection, for requests and frames that no correct client sends.
import { connect as open, type Socket } from "node:net";
import { cleanup } from "./cleanup.ts";

export class Tcp {
  /** All received bytes, one character per byte. */
  received = "";
  readonly closed: Promise<void>;
  #changed = Promise.withResolvers<void>();

  constructor(readonly socket: Socket) {
    socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", () => {
      // A connection may end with a reset. `closed` reports it.
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        resolve();
        this.#wake();
      });
    });
    cleanup(() => socket.destroy());
  }

  send(data: string | Uint8Array): void {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  /** Resolves with all received text once it includes `text`. Fails if the connection ends first. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text)) await this.more();
    return this.received;
  }

  /** Resolves once more data has been received. Fails if the connection has ended. */
  async more(): Promise<void> {
    if (this.socket.destroyed) throw new Error(`closed; received: ${this.received}`);
    await this.#changed.promise;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Connects to a port on this machine. */
export async function tcp(port: number): Promise<Tcp> {
  const socket = open(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return new Tcp(socket);
}

/** Sends one HTTP request unchanged and returns the whole response. */
export async function httpAnswer(
  port: number,
  head: string[],
  body: string | Uint8Array = "",
): Promise<string> {
  const connection = await tcp(port);
  connection.send([...head, "Connection: close", "", ""].join("\r\n"));
  if (body.length > 0) connection.send(body);
  await connection.closed;
  return connection.received;
}

/** Opens a WebSocket with a handwritten handshake and extra header fields. All later data consists of raw frames. */
export async function bareSocket(port: number, path: string, fields: string[] = []): Promise<Tcp> {
  const connection = await tcp(port);
  connection.send(
    [
      `GET ${path} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      ...fields,
      "",
      "",
    ].join("\r\n"),
  );
  await connection.until("\r\n\r\n");
  if (!connection.received.startsWith("HTTP/1.1 101")) throw new Error(connection.received);
  return connection;
}

/** Encodes a client frame of less than 64 KiB (RFC 6455 §5.2) with a zero mask. */
export function clientFrame(opcode: number, payload: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(payload as string);
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0xfe, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Uint8Array.from([0x80 | opcode, ...length, 0, 0, 0, 0]), bytes]);
}
