// A WebSocket that records each frame as the scenario sends or awaits it.
import WS from "ws";
import { cleanup } from "../../support/cleanup.ts";
import type { Recorder } from "./recorder.ts";

/** Handshake headers for requests that the server rejects. */
export const UPGRADE = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

export interface SocketOptions extends WS.ClientOptions {
  protocols?: string[];
}

export class RecordedSocket {
  readonly #frames: string[] = [];
  #read = 0;
  #closed: { code: number; reason: string } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(
    readonly recorder: Recorder,
    readonly name: string,
    readonly ws: WS,
  ) {
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      this.#frames.push(isBinary ? `<binary ${data.toString("base64")}>` : data.toString("utf8"));
      this.#wake();
    });
    ws.on("close", (code, reason) => {
      this.#closed = { code, reason: String(reason) };
      this.#wake();
    });
    ws.on("error", () => {
      // A `close` event follows, with the code.
    });
    cleanup(() => ws.terminate());
  }

  /** Connects and records the handshake. */
  static async open(
    recorder: Recorder,
    name: string,
    path: string,
    { protocols = [], ...options }: SocketOptions = {},
  ): Promise<RecordedSocket> {
    const ws = new WS(`ws://127.0.0.1:${recorder.port}${path}`, protocols, {
      perMessageDeflate: false,
      ...options,
    });
    const socket = new RecordedSocket(recorder, name, ws);
    recorder.note(`${name}: connects to ${path}`);
    for (const [field, value] of Object.entries(options.headers ?? {}))
      recorder.note(`  ${field}: ${String(value)}`);
    if (protocols.length > 0) recorder.note(`  subprotocols: ${protocols.join(", ")}`);
    const opened = new Promise<void>((resolve, reject) => {
      ws.once("open", resolve);
      ws.once("error", reject);
    });
    await recorder.wait(opened);
    recorder.note(
      `${name}: open${ws.protocol === "" ? "" : `, subprotocol ${ws.protocol}`}${ws.extensions === "" ? "" : `, ${ws.extensions}`}`,
    );
    return socket;
  }

  send(frame: string | Uint8Array): void {
    const text = typeof frame === "string" ? frame : `<binary ${Buffer.from(frame).toString("base64")}>`;
    this.recorder.note(`${this.name} → ${text.length > 1000 ? `<${text.length} characters>` : text}`);
    this.ws.send(frame);
  }

  /** Sends a command as JSON. */
  command(command: object): void {
    this.send(JSON.stringify(command));
  }

  /** Awaits and records `count` frames. Returns them as they arrived. */
  async next(count = 1): Promise<string[]> {
    const from = this.#read;
    while (this.#read < from + count) {
      await this.recorder.wait(this.#until(() => this.#frames.length > this.#read));
      this.recorder.note(`${this.name} ← ${this.#frames[this.#read++]}`);
    }
    return this.#frames.slice(from, this.#read);
  }

  /** Sends a command and awaits its reply and `more` further frames. */
  async ask(command: object, more = 0): Promise<string[]> {
    this.command(command);
    return this.next(1 + more);
  }

  /** Awaits the close and records its code. @param silently skip frames that arrived earlier */
  async closed(silently = false): Promise<void> {
    const { code, reason } = await this.recorder.wait(this.#end());
    if (!silently) await this.next(this.#frames.length - this.#read);
    this.recorder.note(`${this.name}: closed with ${code}${reason === "" ? "" : " <text>"}`);
  }

  /** Awaits a close by Bun, which may also cut off a client that is still sending. */
  async closedOrCut(expected: number): Promise<void> {
    const { code } = await this.recorder.wait(this.#end());
    const isExpected = code === expected || code === 1006;
    this.recorder.note(`${this.name}: closed with ${isExpected ? `${expected}, or cut off` : code}`);
  }

  /** Closes the socket with code 1000. */
  async close(): Promise<void> {
    this.ws.close(1000);
    await this.recorder.wait(this.#end());
    await this.next(this.#frames.length - this.#read);
  }

  async #until(test: () => boolean): Promise<void> {
    while (!test()) {
      if (this.#closed) throw new Error(`${this.name} closed: ${JSON.stringify(this.#closed)}`);
      await this.#changed.promise;
    }
  }

  async #end(): Promise<{ code: number; reason: string }> {
    while (!this.#closed) await this.#changed.promise;
    return this.#closed;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
