// Several nodes in this process that share one Redis server.
import type { Options } from "../../src/index.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { startServer, type TestServer } from "./server.ts";

export type TestNode = TestServer & { log: RedisLog };

/**
 * Starts a node, without waiting until it is ready.
 * @param store additional settings of `store`
 */
export function startNode(url: string, options: Options = {}, store: object = {}): TestNode {
  const server = startServer({
    limits: { rates: { address: { connects: false, publishes: false } } },
    ...options,
    store: { kind: "redis", url, patience: 2, check: 0.3, ...store },
  });
  const { log } = server.thump.hub;
  if (!(log instanceof RedisLog)) throw new Error("the node has no Redis log");
  return { ...server, log };
}

/** Starts a node and waits until it is ready. */
export async function readyNode(...given: Parameters<typeof startNode>): Promise<TestNode> {
  const node = startNode(...given);
  await until(async () => (await readiness(node)) === 200);
  return node;
}

export async function readiness({ url }: Pick<TestServer, "url">): Promise<number> {
  return (await fetch(`${url}/readyz`)).status;
}

/** Polls until a condition that no event signals is true. Only the test's timeout limits the wait. */
export async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await test())) await Bun.sleep(10);
}
