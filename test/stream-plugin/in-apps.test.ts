// The plugin in different kinds of apps.
import { expect, test } from "bun:test";
import { Elysia, t } from "elysia";
import { sse, streaming } from "../../src/stream-plugin/index.ts";
import { listen, open, textOf } from "./app.ts";

const EXPECTED = ":\n\nid: 1\nevent: x\ndata: 1\n\n".replace("id: 1\nevent: x", "event: x\nid: 1");
const one = () => [sse({ id: 1, event: "x", data: 1 })];

test.each([
  ["plain", () => new Elysia().use(streaming()).get("/s", ({ stream }) => stream(one()))],
  ["aot: false", () => new Elysia({ aot: false }).use(streaming()).get("/s", ({ stream }) => stream(one()))],
  [
    "without Bun's router",
    () => new Elysia({ systemRouter: false }).use(streaming()).get("/s", ({ stream }) => stream(one())),
  ],
  [
    "a prefix and a group",
    () => new Elysia().use(streaming()).group("", (group) => group.get("/s", ({ stream }) => stream(one()))),
  ],
  [
    "used in one of the app's plugins",
    () => new Elysia().use(new Elysia().use(streaming()).get("/s", ({ stream }) => stream(one()))),
  ],
  [
    "used twice",
    () =>
      new Elysia()
        .use(streaming())
        .use(new Elysia().use(streaming()).get("/s", ({ stream }) => stream(one()))),
  ],
  [
    "schemas, hooks and headers of the app",
    () =>
      new Elysia()
        .use(streaming())
        .onRequest(({ set }) => {
          set.headers["access-control-allow-origin"] = "*";
          set.headers["vary"] = "origin";
        })
        .onAfterHandle(() => {})
        .get("/s", ({ stream }) => stream(one()), { query: t.Object({ q: t.Optional(t.String()) }) }),
  ],
  [
    "mounted",
    () => {
      const inner = new Elysia().use(streaming()).get("/s", ({ stream }) => stream(one()));
      return new Elysia().mount("/", inner.fetch);
    },
  ],
])("%s, over a socket and with app.handle", async (_, create) => {
  const app = create();
  const handled = await app.handle(new Request("http://localhost/s"));
  expect(handled.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(await handled.text()).toBe(EXPECTED);
  const url = listen(app);
  expect(await textOf(`${url}/s`)).toBe(EXPECTED);
  // The app handles a request directly while its server is known.
  expect(await (await app.handle(new Request("http://localhost/s"))).text()).toBe(EXPECTED);
});

test("under Bun.serve, without Elysia's listen", async () => {
  const app = new Elysia().use(streaming()).get("/s", ({ stream }) => stream(one()));
  const server = Bun.serve({ port: 0, fetch: app.fetch });
  expect(await textOf(`${server.url}s`)).toBe(EXPECTED);
  await server.stop(true);
});

test("without a known server, keep-alive comments come before Bun's idle timeout", async () => {
  const app = new Elysia({ aot: false, serve: { idleTimeout: 10 } }).use(streaming()).get("/", ({ stream }) =>
    stream(async function* ({ wait }) {
      await wait(14_000);
      yield "late";
    }),
  );
  const stream = await open(listen(app));
  expect((await stream.events.next()).data).toBe("late");
}, 30_000);

test("a POST handler streams according to the request body", async () => {
  const app = new Elysia()
    .use(streaming())
    .post("/", ({ stream, body }) => stream(body.words), { body: t.Object({ words: t.Array(t.String()) }) });
  const response = await fetch(listen(app), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ words: ["a", "b"] }),
  });
  expect(await response.text()).toBe(":\n\ndata: a\n\ndata: b\n\n");
});

test("the connection is reused after a stream, with the original idle timeout", async () => {
  const app = new Elysia({ serve: { idleTimeout: 1 } })
    .use(streaming())
    .get("/s", ({ stream }) => stream(one()))
    .get("/port", ({ request, server }) => String(server?.requestIP(request)?.port));
  const url = listen(app);
  const before = await textOf(`${url}/port`);
  await textOf(`${url}/s`);
  expect(await textOf(`${url}/port`)).toBe(before);
});
