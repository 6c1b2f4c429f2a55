// A cluster for tests: nodes as separate processes, one Redis, and a breakable link between each node and Redis.
import { LinkProxy } from "../support/link-proxy.ts";
import { folder, type Started, startProcess } from "../support/process.ts";
import { freePort } from "../../scripts/free-port.ts";
import { RedisServer } from "../support/redis.ts";

export class Node {
  #started: Started | undefined;

  constructor(
    readonly port: number,
    readonly link: LinkProxy,
    readonly config: string,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get isUp(): boolean {
    return this.#started !== undefined;
  }

  async start(): Promise<void> {
    const args = ["--port", String(this.port), "--config", this.config, "--log", "none"];
    this.#started = await startProcess(args);
  }

  /** Stops the node, immediately or with a drain. */
  async stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const started = this.#started;
    this.#started = undefined;
    started?.process.kill(signal);
    await started?.process.exited;
  }

  /** Publishes a number. Returns the status and cursor. */
  async publish(room: string, n: number, key: string): Promise<{ status: number; at?: string }> {
    const response = await fetch(`${this.url}/rooms/${room}`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify({ n }),
      signal: AbortSignal.timeout(15_000),
    });
    const body = (await response.json()) as { at?: string };
    return { status: response.status, ...(body.at === undefined ? {} : { at: body.at }) };
  }

  async ready(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/readyz`)).ok;
    } catch {
      return false;
    }
  }
}

export class Cluster {
  private constructor(
    readonly redis: RedisServer,
    readonly nodes: Node[],
  ) {}

  /**
   * Starts Redis and several nodes.
   * @param config options for each node
   * @param more further options for `store`
   */
  static async start(
    count: number,
    redisOptions: string[] = [],
    config: object = {},
    more: object = {},
  ): Promise<Cluster> {
    const redis = await RedisServer.start(...redisOptions);
    const nodes: Node[] = [];
    for (let i = 0; i < count; i++) {
      const link = await LinkProxy.start(redis.port);
      const store = {
        kind: "redis",
        url: `redis://127.0.0.1:${link.port}`,
        patience: 2,
        check: 0.3,
        ...more,
      };
      const options = { store, demo: false, drain: 0, ...config };
      const dir = folder({ "thump.config.json": JSON.stringify(options) });
      nodes.push(new Node(await freePort(), link, `${dir}/thump.config.json`));
    }
    const cluster = new Cluster(redis, nodes);
    await Promise.all(nodes.map((node) => node.start()));
    await cluster.allReady();
    return cluster;
  }

  /** Resolves when every running node is ready. */
  async allReady(): Promise<void> {
    for (const node of this.nodes) while (node.isUp && !(await node.ready())) await Bun.sleep(20);
  }
}
