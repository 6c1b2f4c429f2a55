// Redis with `appendfsync everysec` is killed and loses its newest writes. Every reader receives a gap notice before
// the next message.
import { expect, test } from "bun:test";
import { describeIf } from "../support/skip.ts";
import { openEvents, type OpenStream } from "../support/streams.ts";
import { noRedis } from "../support/redis.ts";
import { Cluster, type Node } from "./cluster.ts";

const EVERY_SECOND = ["--appendonly", "yes", "--appendfsync", "everysec"];
const ALWAYS = ["--appendonly", "yes", "--appendfsync", "always"];

let keys = 0;

/** Publishes a number. Returns the cursor. */
async function publish(node: Node, n: number): Promise<string> {
  const { status, at } = await node.publish("a", n, `key-${++keys}`);
  expect(status).toBe(201);
  return at as string;
}

function read({ events }: OpenStream): (number | string)[] {
  return events.all.map(({ event, data }) => event ?? (JSON.parse(data) as { n: number }).n);
}

/** Waits until Redis has written and synced everything and the file has stopped growing. Returns the file size. */
async function written({ redis }: Cluster): Promise<number> {
  for (let last = -1; ;) {
    const size = redis.appended;
    const info = String(await redis.ask("INFO", "persistence"));
    if (size === last && info.includes("aof_buffer_length:0") && info.includes("aof_pending_bio_fsync:0"))
      return size;
    last = size;
    await Bun.sleep(20);
  }
}

describeIf(noRedis)("a Redis that lost its newest writes", () => {
  test("the node that saw the writes is dead too: resuming clients and other nodes' live clients receive a gap notice", async () => {
    const cluster = await Cluster.start(2, EVERY_SECOND, {}, { lease: 2 });
    const [alive, dying] = cluster.nodes as [Node, Node];
    const first = await publish(dying, 1);
    const live = await openEvents(`${alive.url}/rooms/a`, { "last-event-id": first });
    const size = await written(cluster);
    // Cuts off this node, so that it misses the messages that the other node acknowledges.
    alive.link.refuse();
    await publish(dying, 2);
    await dying.stop("SIGKILL");
    await cluster.redis.kill();
    cluster.redis.loseAfter(size);
    await cluster.redis.begin();
    alive.link.accept();
    await cluster.allReady();
    const back = await openEvents(`${alive.url}/rooms/a`, { "last-event-id": first });
    const third = await publish(alive, 3);
    expect(third.split("-")[0]).toBe(first.split("-")[0] as string);
    await back.events.until(() => read(back).includes(3));
    expect(read(back)).toEqual(["thump:gap", 3]);
    await live.events.until(() => read(live).includes(3));
    expect(read(live)).toEqual(["thump:gap", 3]);
    // Stored messages remain, and later clients receive no gap notice.
    const all = (await (await fetch(`${alive.url}/rooms/a?last=10`)).json()) as {
      messages: { data: object }[];
    };
    expect(all.messages.map(({ data }) => data)).toEqual([{ n: 1 }, { n: 3 }]);
    const next = (await (await fetch(`${alive.url}/rooms/a?after=${third}`)).json()) as object;
    expect(next).not.toHaveProperty("gap");
  }, 60_000);

  test("a node that saw the writes returns late: other nodes wait for it, and all clients receive a gap notice", async () => {
    const cluster = await Cluster.start(2, EVERY_SECOND, {}, { lease: 30, patience: 30 });
    const [early, late] = cluster.nodes as [Node, Node];
    const first = await publish(late, 1);
    const size = await written(cluster);
    early.link.refuse();
    await publish(late, 2);
    late.link.refuse();
    await cluster.redis.kill();
    cluster.redis.loseAfter(size);
    await cluster.redis.begin();
    early.link.accept();
    const third = publish(early, 3);
    // Waits until this node has registered and is waiting for the other node.
    while ((await cluster.redis.ask("HLEN", "{thump}:awaited")) !== 2) await Bun.sleep(10);
    late.link.accept();
    const at = await third;
    expect(at.split("-")[0]).not.toBe(first.split("-")[0] as string);
    const back = await openEvents(`${early.url}/rooms/a`, { "last-event-id": first });
    await back.events.until(() => read(back).includes(3));
    expect(read(back)).toEqual(["thump:gap", 3]);
  }, 60_000);

  test.each([
    ["everysec, and all nodes return", EVERY_SECOND, false],
    ["always, and a node is dead", ALWAYS, true],
  ])(
    "%s: nothing is lost, and there is no gap notice",
    async (_, options, kill) => {
      const cluster = await Cluster.start(2, options, {}, { lease: 30, patience: 30 });
      const [alive, other] = cluster.nodes as [Node, Node];
      const first = await publish(other, 1);
      const live = await openEvents(`${alive.url}/rooms/a`, { "last-event-id": first });
      await publish(other, 2);
      await written(cluster);
      if (kill) await other.stop("SIGKILL");
      await cluster.redis.kill();
      await cluster.redis.begin();
      await cluster.allReady();
      await publish(alive, 3);
      const back = await openEvents(`${alive.url}/rooms/a`, { "last-event-id": first });
      for (const reader of [live, back]) {
        await reader.events.until(() => read(reader).includes(3));
        expect(read(reader)).toEqual([2, 3]);
      }
    },
    60_000,
  );
});
