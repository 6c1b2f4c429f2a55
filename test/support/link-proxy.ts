// A TCP proxy in a test's hands: the link through it can be cut, held up, or made slow.
import { connect, createServer, type Server, type Socket } from "node:net";
import { cleanup } from "./cleanup.ts";

export class LinkProxy {
  readonly #pairs = new Set<[Socket, Socket]>();
  #held: PromiseWithResolvers<void> | undefined;
  #refusing = false;
  /** How long each chunk is on its way, in ms. */
  delay = 0;
  /** Writes that came from the near side. */
  chunks = 0;
  port = 0;

  private constructor(readonly server: Server) {}

  /** Starts one that leads to a port on this machine, and goes with the test. */
  static async start(target: number): Promise<LinkProxy> {
    const server = createServer();
    const proxy = new LinkProxy(server);
    server.on("connection", (near) => proxy.#link(near, target));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    proxy.port = (server.address() as { port: number }).port;
    cleanup(() => proxy.close());
    return proxy;
  }

  /** Breaks every connection. New ones can be made. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Breaks every connection, and takes no other, until `accept`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  accept(): void {
    this.#refusing = false;
  }

  /** Nothing gets through, and nobody is told. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  /** What was held goes on. */
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
        // Its end is told below.
      });
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
  }

  #carry(from: Socket, to: Socket): void {
    // One after the other, also where the delay has become shorter meanwhile.
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
