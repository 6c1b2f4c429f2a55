// A TCP proxy between a server and Redis. A test can cut, block or delay its connections.
import { connect, createServer, type Server, type Socket } from "node:net";
import { cleanup } from "./cleanup.ts";

export class LinkProxy {
  readonly #pairs = new Set<[Socket, Socket]>();
  #held: PromiseWithResolvers<void> | undefined;
  #refusing = false;
  /** Delay of each chunk, in ms. */
  delay = 0;
  /** Number of chunks that the server has sent. */
  chunks = 0;
  port = 0;

  private constructor(readonly server: Server) {}

  /** Starts a proxy to a port on this machine. The proxy runs until the test ends. */
  static async start(target: number): Promise<LinkProxy> {
    const server = createServer();
    const proxy = new LinkProxy(server);
    server.on("connection", (near) => proxy.#link(near, target));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    proxy.port = (server.address() as { port: number }).port;
    cleanup(() => proxy.close());
    return proxy;
  }

  /** Closes every connection. New connections are accepted. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Closes every connection and accepts no others until `accept`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  accept(): void {
    this.#refusing = false;
  }

  /** Holds all data back until `release`. No connection is closed. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  /** Forwards the data that was held back. */
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  #link(near: Socket, target: number): void {
    if (this.#refusing) return void near.destroy();
    const far = connect(target, "127.0.0.1");
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    near.on("data", () => this.chunks++);
    this.#carry(near, far);
    this.#carry(far, near);
    for (const socket of pair) {
      socket.on("error", () => {
        // The `close` event follows.
      });
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
  }

  #carry(from: Socket, to: Socket): void {
    // Chunks stay in order, even if the delay becomes shorter.
    let before = Promise.resolve();
    from.on("data", (chunk) => {
      const due = this.delay > 0 ? Bun.sleep(this.delay) : undefined;
      before = before.then(async () => {
        await due;
        await this.#held?.promise;
        if (!to.destroyed) to.write(chunk);
      });
    });
  }
}
