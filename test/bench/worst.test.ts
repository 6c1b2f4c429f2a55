// `bun bench worst` covers every route and every command.
import { expect, test } from "bun:test";
import { expensiveRequests } from "../../bench/worst/requests.ts";
import type { RequestFixture } from "../../bench/worst/expensive-request.ts";
import { startServer } from "../support/server.ts";

const targets = new Set(expensiveRequests.map(({ target }) => target));

test("every documented route has a most expensive request", async () => {
  const { url } = startServer();
  const answer = await fetch(`${url}/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, object> };
  const methods = ["get", "post", "put", "patch", "delete"];
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => methods.includes(key))
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(routes.length).toBeGreaterThan(15);
  expect(routes.filter((route) => !targets.has(route))).toEqual([]);
});

test("every command of the multiplexed socket has a most expensive frame", async () => {
  const { socket } = startServer();
  const { promise, resolve } = Promise.withResolvers<string>();
  const client = new WebSocket(socket("/ws"));
  client.addEventListener("open", () => client.send('{"type":"?"}'));
  client.addEventListener("message", ({ data }) => {
    if (String(data).includes("unknown-type")) resolve(String(data));
  });
  const commands = /Valid types: ([a-z, ]+)\./.exec(await promise)?.[1]?.split(", ") ?? [];
  client.close();
  expect(commands).toContain("join");
  expect(commands.filter((command) => !targets.has(`/ws ${command}`))).toEqual([]);
});

test("the largest bodies and frames are close to the limits for anonymous clients", () => {
  const fixture: RequestFixture = { port: 0, before: "epoch-1", rooms: ["a", "b"], token: "t" };
  const bytes = (part: string | Uint8Array | undefined) => Buffer.byteLength(part ?? "");
  const made = expensiveRequests.map(({ target, request }) => ({ target, request: request(fixture) }));
  const largest = (wanted: string) =>
    Math.max(
      ...made
        .filter(({ target }) => target === wanted)
        .map(({ request }) => bytes("frame" in request ? request.frame : request.body)),
    );
  const nearly = 0.98;
  for (const target of ["POST /publish", "POST /events", "POST /revoke"])
    expect(largest(target)).toBeGreaterThan(nearly * 2 ** 20);
  expect(largest("raw")).toBeGreaterThan(nearly * 2 ** 16);
});
