// Status rooms on several nodes: a subscriber receives messages from all nodes.
import { expect, test } from "bun:test";
import type { ServerSample } from "../../src/protocol/status-rooms.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { readyNode } from "../support/nodes.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";

describeIf(noRedis)("status rooms", () => {
  test("each node publishes its stats, and the nodes are distinguishable", async () => {
    const redis = await RedisServer.start();
    const [a, b] = await Promise.all([1, 2].map(() => readyNode(redis.url, { console: true })));
    if (!a || !b) throw new Error("two nodes were to start");
    await connect(b.socket("/rooms/r"));
    const client = await multiplexed(a.socket("/ws?room=thump:stats"));
    const samples = () => client.messages().map((frame) => frame["data"] as ServerSample);
    const newest = () => new Map(samples().map((sample) => [sample.node, sample]));
    const there = () => [...newest().values()].map(({ sessions }) => sessions.byTransport);
    await client.until(() => newest().size === 2 && there().some((by) => by["raw-websocket"] === 1));
    expect(
      there()
        .map((by) => by["websocket"] ?? 0)
        .toSorted(),
    ).toEqual([0, 1]);
    for (const { log, in: taken } of samples()) {
      // The statistics include Redis latency. Status messages are not counted.
      expect(log.p99 ?? 1).toBeGreaterThan(0);
      expect(taken.publications).toBe(0);
    }
  });
});
