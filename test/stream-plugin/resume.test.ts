// Resuming: a client that lost its connection continues after the last event that it received.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { EventSource } from "eventsource";
import { sse, streaming } from "../../src/stream-plugin/index.ts";
import { cleanup } from "../support/cleanup.ts";
import { Inbox } from "../support/clients.ts";
import { listen, textOf } from "./app.ts";

test("an EventSource whose connections break receives every event once, in order", async () => {
  let connections = 0;
  const app = new Elysia().use(streaming({ retry: 1 })).get("/", ({ stream }) =>
    stream(
      async function* ({ lastNumber, wait }) {
        connections++;
        // Each connection breaks after four events.
        for (let i = lastNumber + 1; i <= Math.min(20, lastNumber + 4); i++) {
          yield sse({ id: i, data: i });
          await wait(1);
        }
        if (lastNumber >= 20) await wait(60_000);
        throw new Error("broken");
      },
      { onError: () => {} },
    ),
  );
  const source = new EventSource(listen(app));
  cleanup(() => source.close());
  const received = new Inbox<number>();
  source.addEventListener("message", ({ data }) => received.push(Number(data)));
  await received.until((all) => all.length >= 20);
  await Bun.sleep(50);
  expect(received.all).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(connections).toBeGreaterThanOrEqual(5);
});

test("the numbers of a source function continue after Last-Event-ID; those of other sources restart", async () => {
  const app = new Elysia()
    .use(streaming())
    .get("/factory", ({ stream }) => stream(() => ["a", "b"], { numbered: true }))
    .get("/list", ({ stream }) => stream(["a", "b"], { numbered: true }));
  const url = listen(app);
  const headers = { "last-event-id": "41" };
  expect(await textOf(`${url}/factory`, headers)).toBe(":\n\nid: 42\ndata: a\n\nid: 43\ndata: b\n\n");
  expect(await textOf(`${url}/list`, headers)).toBe(":\n\nid: 1\ndata: a\n\nid: 2\ndata: b\n\n");
});

test.each<[string, Record<string, string>, string, string | undefined, number]>([
  ["none", {}, "", undefined, 0],
  ["header", { "last-event-id": "7" }, "", "7", 7],
  ["query", {}, "?lastEventId=7", "7", 7],
  ["header and query", { "last-event-id": "8" }, "?lastEventId=7", "8", 8],
  ["no number", { "last-event-id": "k3f9zq-1" }, "", "k3f9zq-1", 0],
  ["negative", { "last-event-id": "-3" }, "", "-3", 0],
  ["not a whole number", { "last-event-id": "1.5" }, "", "1.5", 0],
  ["too large", { "last-event-id": "99999999999999999999" }, "", "99999999999999999999", 0],
])("the last event id of a request: %s", async (_, headers, query, id, number) => {
  const seen: unknown[] = [];
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream(({ lastEventId, lastNumber }) => {
      seen.push(lastEventId, lastNumber);
      return [];
    }),
  );
  await textOf(`${listen(app)}/${query}`, headers);
  expect(seen).toEqual([id, number]);
});

test("a non-ASCII id is received unchanged", async () => {
  const ids: (string | undefined)[] = [];
  const app = new Elysia().use(streaming({ retry: 1 })).get("/", ({ stream }) =>
    stream(async function* ({ lastEventId, wait }) {
      ids.push(lastEventId);
      if (ids.length > 1) await wait(60_000);
      yield sse({ id: "schön-日", data: 1 });
    }),
  );
  const source = new EventSource(listen(app));
  cleanup(() => source.close());
  const deadline = Date.now() + 5000;
  while (ids.length < 2 && Date.now() < deadline) await Bun.sleep(10);
  expect(ids).toEqual([undefined, "schön-日"]);
});
