// Idempotency keys: each is scoped to an API key, a user, code in the server, or all anonymous clients.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { dataOf, problemOf, publishAt, stateOf } from "../support/answers.ts";
import { connect, Multiplexed } from "../support/clients.ts";
import { rejection } from "../support/errors.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";

const [BACKEND, BILLING] = ["thump_backend", "thump_billing"];
const hash = (key: string) => createHash("sha256").update(key).digest("hex");

function secured(): TestServer {
  return startServer({
    access: {
      secrets: SECRET,
      apiKeys: [
        { name: "backend", hash: hash(BACKEND) },
        { name: "billing", hash: hash(BILLING) },
      ],
    },
    rooms: { orders: { publish: "anyone", join: "anyone" } },
  });
}

const grants = { orders: ["join", "publish"] };
const guest = (jti: string) => bearer(token(claims({ sub: undefined, jti, rooms: grants })));

test("one client's idempotency key does not suppress other clients' publications", async () => {
  const server = secured();
  const post = (headers: Record<string, string>) =>
    publishAt(server, "orders", "paid", { ...headers, "idempotency-key": "order-1001" });
  const all = [
    await post({}),
    await post(bearer(BACKEND)),
    await post(bearer(BILLING)),
    await post(bearer(token())),
    await post(bearer(token(claims({ sub: "u8" })))),
    await post(guest("one")),
    (await server.thump.publish("orders", "paid", { key: "order-1001" })).at,
    (await server.thump.publish("orders", "paid", { key: "order-1001", from: "u7" })).at,
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(dataOf(await stateOf(server, "orders"))).toHaveLength(all.length);
});

test.each<[who: string, headers: (n: number) => Record<string, string>]>([
  ["anonymous clients, on all their connections", () => ({})],
  ["an API key, on all its connections", () => bearer(BACKEND)],
  ["a user, with any token", (n) => bearer(token(claims({ jti: `${n}` })))],
  ["any tokens without a user", (n) => guest(`${n}`)],
])("%s: a repeated key returns the first cursor, on every route", async (_, headers) => {
  const server = secured();
  const key = "k";
  const first = await publishAt(server, "orders", "paid", { ...headers(1), "idempotency-key": key });
  expect(await publishAt(server, "orders", "paid", { ...headers(2), "idempotency-key": key })).toBe(first);
  const item = { room: "orders", data: "paid", key };
  const socket = new Multiplexed(await connect(server.socket("/ws"), { headers: headers(3) }));
  expect(await socket.ask({ type: "publish", ...item })).toMatchObject({ type: "published", at: first });
  const body = JSON.stringify([item]);
  const batch = await fetch(`${server.url}/publish`, { method: "POST", body, headers: headers(4) });
  expect(await batch.json()).toEqual({ results: [{ room: "orders", at: first }] });
  expect(dataOf(await stateOf(server, "orders"))).toEqual(["paid"]);
});

test("a reused key with a different event or different data is rejected on every route", async () => {
  const server = startServer();
  const key = "k";
  await publishAt(server, "r", "one", { "idempotency-key": key });
  const again = server.publish("r", "two", { "idempotency-key": key });
  expect(await problemOf(again)).toMatchObject({ status: 422, code: "key-reused" });
  const event = server.publish("r", "one", { "idempotency-key": key, event: "tick" });
  expect(await problemOf(event)).toMatchObject({ status: 422, code: "key-reused" });
  const socket = new Multiplexed(await connect(server.socket("/ws")));
  const refused = { type: "error", code: "key-reused", room: "r" };
  expect(await socket.ask({ type: "publish", room: "r", data: "two", key })).toMatchObject(refused);
  const body = JSON.stringify([
    { room: "r", data: "two", key },
    { room: "r", data: "one", key },
  ]);
  const batch = await fetch(`${server.url}/publish`, { method: "POST", body });
  expect(await batch.json()).toMatchObject({ results: [{ error: { code: "key-reused" } }, { room: "r" }] });
  await server.thump.publish("r", 1, { key });
  expect(await rejection(server.thump.publish("r", 2, { key }))).toBe("key-reused");
  expect(dataOf(await stateOf(server, "r"))).toEqual(["one", 1]);
});
