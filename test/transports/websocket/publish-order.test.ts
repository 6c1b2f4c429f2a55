// `"ordered":true` on the multiplexed socket: later publications do not overtake a publication that must be retried.
import { expect, test } from "bun:test";
import { PublishOrder } from "../../../src/transports/websocket/publish-order.ts";
import { multiplexed } from "../../support/clients.ts";
import { startServer } from "../../support/server.ts";

const slow = { limits: { rates: { session: { bytes: { rate: 5000, burst: 1000 } } } } };
const large = "x".repeat(900);

interface Refused {
  type: string;
  code?: unknown;
  retry?: unknown;
}

/** Publishes, and retries after the time stated in each error, as clients do. */
async function untilPublished(publish: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const { type, code, retry } = (await publish()) as Refused;
    if (type === "published") return;
    expect(code).toBe("rate");
    await Bun.sleep(Number(retry));
  }
}

test("after a temporary error, later publications are rejected until the first is retried", async () => {
  const server = startServer(slow);
  const mux = await multiplexed(server.socket("/ws"));
  const publish = (key: string, data: string, more = {}) =>
    mux.ask({ type: "publish", room: "r", key, data, ordered: true, ...more });
  // All are sent together, so that the bucket does not refill before the second publication. The last one is not
  // ordered.
  const [first, refused, behind, free] = await Promise.all([
    publish("a", large),
    publish("b", large),
    publish("c", "small"),
    publish("free", "free", { ordered: false }),
  ]);
  expect(first).toMatchObject({ type: "published" });
  expect(refused).toMatchObject({ type: "error", code: "rate", retry: expect.any(Number) });
  expect(behind).toMatchObject({ type: "error", code: "rate", retry: expect.any(Number) });
  expect(free).toMatchObject({ type: "published" });
  await untilPublished(() => publish("b", large));
  await untilPublished(() => publish("c", "small"));
  const { publications } = await server.thump.hub.log.newest("r", 10);
  const texts = publications.map(({ data }) => (data as { text: string }).text);
  expect(texts).toEqual([large, "free", large, "small"]);
});

test("a permanent error does not block later publications, even if it follows a temporary error", async () => {
  const server = startServer({ ...slow, rooms: { "*": { schema: { type: "string" } } } });
  const mux = await multiplexed(server.socket("/ws"));
  const publish = (key: string, data: unknown) =>
    mux.ask({ type: "publish", room: "r", key, data, ordered: true });
  expect(await publish("a", 1)).toMatchObject({ type: "error", code: "invalid" });
  await untilPublished(() => publish("b", large));
  for (let answer = (await publish("c", [large])) as Refused; answer.code === "rate";) {
    await Bun.sleep(Number(answer.retry));
    answer = (await publish("c", [large])) as Refused;
  }
  await untilPublished(() => publish("d", "last"));
});

test("an ordered publication without an idempotency key is rejected, because its retry could not be recognized", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws"));
  expect(await mux.ask({ type: "publish", room: "r", data: 1, ordered: true })).toMatchObject({
    type: "error",
    code: "invalid",
    errors: [{ path: "/key" }],
  });
});

test("a client is not disconnected for publications sent before it received the first error", async () => {
  const server = startServer({ limits: { rates: { session: { publishes: { rate: 100, burst: 10 } } } } });
  const mux = await multiplexed(server.socket("/ws"));
  const publish = (n: number) =>
    mux.ask({ type: "publish", room: "r", key: `k${n}`, data: n, ordered: true }) as Promise<Refused>;
  // 290 of the 300 publications are rejected, most of them because the first rejected one must be retried before them.
  const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => publish(n)));
  expect(answers.filter(({ type }) => type === "published").length).toBeGreaterThanOrEqual(10);
  expect(await mux.ask({ type: "ping" })).toMatchObject({ type: "pong" });
});

test("the first rejected publication must be retried first, and determines how long the others wait", () => {
  const order = new PublishOrder();
  expect(order.waitFor("a", 0)).toBeUndefined();
  order.rejected("a", 100, 0);
  order.rejected("b", 500, 10);
  expect([order.waitFor("a", 20), order.waitFor("b", 20), order.waitFor("c", 150)]).toEqual([
    undefined,
    80,
    1,
  ]);
  order.settled("b");
  expect(order.waitFor("c", 20)).toBe(80);
  order.settled("a");
  expect(order.waitFor("c", 20)).toBeUndefined();
});
