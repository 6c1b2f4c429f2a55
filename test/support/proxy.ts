// A TCP proxy between clients and a server, which a test can cut, stall, black-hole or put in front of another.
import net from "node:net";
import { cleanup } from "./cleanup.ts";

interface Pair {
  client: net.Socket;
  server: net.Socket;
}

export class Proxy {
  /** Refuses the upgrade to a WebSocket, as some proxies do. */
  blockUpgrade = false;
  /** Takes connections and gives nothing back: new ones too. Nobody is told. */
  #hole = false;
  #refusing = false;
  /** Who waits to be let on, while new connections are held. */
  #held: net.Socket[] | undefined;
  readonly #pairs = new Set<Pair>();
  readonly #server: net.Server;
  /** How many connections there have been. */
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

  /** How many connections are open. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Breaks all connections. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#pairs.clear();
    for (const client of this.#held?.splice(0) ?? []) client.resetAndDestroy();
  }

  /** Takes no connections, or does again. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /** New connections wait at the door, as at a balancer that has no server for now; or go on, as those that waited. */
  hold(holding: boolean): void {
    const waiting = this.#held ?? [];
    this.#held = holding ? waiting : undefined;
    if (!holding) for (const client of waiting) this.#forward(client);
  }

  /** From now on nothing gets through, in any connection, and nothing is closed: as if the cable were pulled. */
  blackHole(hole: boolean): void {
    this.#hole = hole;
    for (const { client, server } of this.#pairs) {
      if (hole) for (const socket of [client, server]) socket.pause().removeAllListeners("data");
    }
  }

  /** Lets nothing through to the clients for now. */
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
    // What it sends meanwhile stays in it, to be read once it is let on.
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
