// A TCP proxy between clients and a server. A test can cut, stall or black-hole connections, or change the target.
import net from "node:net";
import { cleanup } from "./cleanup.ts";

interface Pair {
  client: net.Socket;
  server: net.Socket;
}

export class Proxy {
  /** Rejects WebSocket upgrades, as some proxies do. */
  blockUpgrade = false;
  /** True while no data is forwarded. Connections are still accepted. */
  #hole = false;
  #refusing = false;
  /** The connections held so far; undefined while new connections are not held. */
  #held: net.Socket[] | undefined;
  readonly #pairs = new Set<Pair>();
  readonly #server: net.Server;
  /** Total number of connections. */
  connections = 0;

  private constructor(public target: number) {
    this.#server = net.createServer((client) => this.#accept(client));
  }

  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    cleanup(() => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Number of open connections. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Resets all connections. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#pairs.clear();
    for (const client of this.#held?.splice(0) ?? []) client.resetAndDestroy();
  }

  /** Rejects new connections, or accepts them again. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /**
   * Holds new connections without forwarding them, as a load balancer with no server does, or forwards all held
   * connections.
   */
  hold(holding: boolean): void {
    const waiting = this.#held ?? [];
    this.#held = holding ? waiting : undefined;
    if (!holding) for (const client of waiting) this.#forward(client);
  }

  /** Stops or resumes forwarding on all connections without closing any, as if the cable were unplugged. */
  blackHole(hole: boolean): void {
    this.#hole = hole;
    for (const { client, server } of this.#pairs) {
      if (hole) for (const socket of [client, server]) socket.pause().removeAllListeners("data");
    }
  }

  /** Stops or resumes forwarding data to clients. */
  stall(stalled: boolean): void {
    for (const { server } of this.#pairs) {
      if (stalled) server.pause();
      else server.resume();
    }
  }

  #accept(client: net.Socket): void {
    this.connections++;
    if (this.#refusing) return void client.resetAndDestroy();
    if (!this.#held) return this.#forward(client);
    // Until the connection is forwarded, the client's data stays in the socket.
    client.on("error", () => {});
    this.#held.push(client);
  }

  #forward(client: net.Socket): void {
    const server = net.connect(this.target, "127.0.0.1");
    const pair = { client, server };
    this.#pairs.add(pair);
    const end = () => {
      if (this.#hole) return;
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on("error", end).on("close", end).setNoDelay(true);
    if (this.#hole) return void client.pause();
    client.on("data", (bytes) => {
      if (this.blockUpgrade && /\r\nupgrade: *websocket/i.test(bytes.toString("latin1"))) {
        client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        this.#pairs.delete(pair);
        server.destroy();
      } else server.write(bytes);
    });
    server.on("data", (bytes) => client.write(bytes));
  }
}
