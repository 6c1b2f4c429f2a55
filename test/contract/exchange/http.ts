// An HTTP/1.1 exchange on its own TCP connection. `fetch` is not used, because it hides headers and corrects requests.
import { connect, type Socket } from "node:net";
import { cleanup } from "../../support/cleanup.ts";

export interface Sent {
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

const HEAD_END = "\r\n\r\n";

/** A response as it arrives: the head, then the body without chunk framing. */
export class HttpExchange {
  status = 0;
  headers: [name: string, value: string][] = [];
  body = Buffer.alloc(0);
  /** Resolves when the response is complete or the connection closes. */
  readonly ended: Promise<void>;
  #raw = Buffer.alloc(0);
  #chunked = false;
  #changed = Promise.withResolvers<void>();
  #open = true;
  readonly #hasBody: boolean;

  constructor(
    readonly socket: Socket,
    method: string,
  ) {
    this.#hasBody = method !== "HEAD";
    socket.on("data", (chunk: Buffer) => {
      this.#raw = Buffer.concat([this.#raw, chunk]);
      this.#read();
      this.#wake();
    });
    socket.on("error", () => {
      // A reset needs no handling here, because a `close` event follows.
    });
    this.ended = new Promise((resolve) =>
      socket.once("close", () => {
        this.#open = false;
        this.#wake();
        resolve();
      }),
    );
    cleanup(() => socket.destroy());
  }

  get text(): string {
    return this.body.toString("utf8");
  }

  header(name: string): string | undefined {
    return this.headers.find(([known]) => known === name)?.[1];
  }

  /** Resolves once the test passes. @throws Error if the connection closes first */
  async until(test: () => boolean): Promise<void> {
    while (!test()) {
      if (!this.#open) throw new Error(`closed early: ${this.status} ${this.text}`);
      await this.#changed.promise;
    }
  }

  /** Closes the connection. */
  close(): void {
    this.socket.destroy();
  }

  #read(): void {
    if (this.status === 0 && !this.#readHead()) return;
    if (this.#chunked) this.#readChunks();
    else {
      this.body = Buffer.concat([this.body, this.#raw]);
      this.#raw = Buffer.alloc(0);
      const length = this.header("content-length");
      if (length !== undefined && this.body.length >= Number(length) && this.#hasBody) this.close();
    }
  }

  #readHead(): boolean {
    const end = this.#raw.indexOf(HEAD_END);
    if (end < 0) return false;
    const [first = "", ...fields] = this.#raw.toString("latin1", 0, end).split("\r\n");
    this.status = Number(first.split(" ")[1]);
    this.headers = fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    });
    this.#chunked = this.header("transfer-encoding") === "chunked";
    this.#raw = this.#raw.subarray(end + HEAD_END.length);
    return true;
  }

  #readChunks(): void {
    for (;;) {
      const end = this.#raw.indexOf("\r\n");
      if (end < 0) return;
      const size = Number.parseInt(this.#raw.toString("latin1", 0, end), 16);
      const next = end + 2 + size + 2;
      if (this.#raw.length < next) return;
      if (size === 0) return this.close();
      this.body = Buffer.concat([this.body, this.#raw.subarray(end + 2, next - 2)]);
      this.#raw = this.#raw.subarray(next);
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Sends a request. Resolves when the response's head has arrived or the connection has closed. */
export async function send(
  port: number,
  method: string,
  path: string,
  { headers = {}, body = "" }: Sent = {},
): Promise<HttpExchange> {
  const socket = connect(port, "127.0.0.1");
  const exchange = new HttpExchange(socket, method);
  const bytes = Buffer.from(body as string);
  const length = bytes.length > 0 || method === "POST" ? { "content-length": String(bytes.length) } : {};
  const all = { host: `127.0.0.1:${port}`, connection: "close", ...length, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write(Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"), "utf8"));
  if (bytes.length > 0) socket.write(bytes);
  await Promise.race([exchange.until(() => exchange.status !== 0), exchange.ended]);
  return exchange;
}
