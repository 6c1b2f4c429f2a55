// The contents of a stream: values and events, names, ids, retry times, multi-line text, keep-alive comments.
import { expect, test } from "bun:test";
import { Elysia, sse as elysiaSse } from "elysia";
import { EventSource } from "eventsource";
import { sse, streaming } from "../../src/stream-plugin/index.ts";
import { cleanup } from "../support/cleanup.ts";
import { Inbox } from "../support/clients.ts";
import { listen, open, textOf } from "./app.ts";

const GREETING = ":\n\n";

test("each value of a generator is the data of an event: text unchanged, all other values as JSON", async () => {
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream(function* () {
      yield "text";
      yield 7;
      yield false;
      yield null;
      yield { a: [1, "x"] };
      yield 12n;
      yield new TextEncoder().encode("bytes é");
    }),
  );
  const data = ["text", "7", "false", "null", '{"a":[1,"x"]}', "12", "bytes é"];
  expect(await textOf(listen(app))).toBe(GREETING + data.map((each) => `data: ${each}\n\n`).join(""));
});

test("sse() sets name, id and retry time; without data the client only stores the id", async () => {
  const app = new Elysia()
    .use(streaming())
    .get("/", ({ stream }) =>
      stream([
        sse({ id: 1, event: "tick", data: { n: 1 }, retry: 500 }),
        sse({ id: "b" }),
        sse({ data: "plain" }),
        sse({ event: "message", data: "also plain" }),
      ]),
    );
  expect(await textOf(listen(app))).toBe(
    `${GREETING}event: tick\nid: 1\nretry: 500\ndata: {"n":1}\n\nid: b\n\ndata: plain\n\ndata: also plain\n\n`,
  );
});

test("events of Elysia's own sse() are events too", async () => {
  const app = new Elysia()
    .use(streaming())
    .get("/", ({ stream }) => stream([elysiaSse({ id: 4, event: "own", data: 5 })]));
  expect(await textOf(listen(app))).toBe(`${GREETING}event: own\nid: 4\ndata: 5\n\n`);
});

test("an EventSource receives multi-line text unchanged, whatever its line endings", async () => {
  const app = new Elysia()
    .use(streaming({ retry: 50 }))
    .get("/", ({ stream }) =>
      stream(["one\ntwo", "three\r\n\rfour", sse({ event: "named", data: "\nfive\n" })]),
    );
  const source = new EventSource(listen(app));
  cleanup(() => source.close());
  const received = new Inbox<string>();
  source.addEventListener("message", ({ data }) => received.push(data as string));
  source.addEventListener("named", ({ data }) => received.push(data as string));
  await received.until((all) => all.length >= 3);
  expect(received.all.slice(0, 3)).toEqual(["one\ntwo", "three\n\nfour", "\nfive\n"]);
});

test("line separators that some clients mistake for line ends are escaped in JSON", async () => {
  const app = new Elysia().use(streaming()).get("/", ({ stream }) => stream([{ text: "a\u2028b\u0085" }]));
  const text = await textOf(listen(app));
  expect(text).toBe(`${GREETING}data: {"text":"a\\u2028b\\u0085"}\n\n`);
});

test.each([
  [{ id: "a\nb" }, "id"],
  [{ id: "a\u0000b" }, "id"],
  [{ event: "a\rb" }, "name"],
  [{ retry: 1.5 }, "retry"],
])("sse(%p) throws", (event, what) => {
  expect(() => sse({ data: 1, ...event })).toThrow(what);
});

test("numbered events have ids from 1; the count continues after an explicit id", async () => {
  const app = new Elysia()
    .use(streaming())
    .get("/", ({ stream }) => stream(["a", sse({ id: 7, data: "b" }), "c"], { numbered: true }));
  expect(await textOf(listen(app))).toBe(`${GREETING}id: 1\ndata: a\n\nid: 7\ndata: b\n\nid: 8\ndata: c\n\n`);
});

test("the app's retry time is sent first; a stream can override it", async () => {
  const app = new Elysia()
    .use(streaming({ retry: 1234 }))
    .get("/app", ({ stream }) => stream(["x"]))
    .get("/own", ({ stream }) => stream(["x"], { retry: 5 }));
  const url = listen(app);
  expect(await textOf(`${url}/app`)).toBe("retry: 1234\n\ndata: x\n\n");
  expect(await textOf(`${url}/own`)).toBe("retry: 5\n\ndata: x\n\n");
});

test("the headers forbid storing and buffering, and include those of the route", async () => {
  const app = new Elysia().use(streaming()).get("/", ({ stream, set }) => {
    set.headers["x-own"] = "1";
    return stream(["x"]);
  });
  const { headers, status } = await fetch(listen(app));
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(headers.get("cache-control")).toBe("no-store, no-transform");
  expect(headers.get("x-accel-buffering")).toBe("no");
  expect(headers.get("x-own")).toBe("1");
});

test("the client is connected before the first event, and a silent stream has keep-alive comments", async () => {
  const app = new Elysia().use(streaming({ keepAlive: 30 })).get("/", ({ stream }) =>
    stream(async function* ({ wait }) {
      await wait(60_000);
      yield "late";
    }),
  );
  const stream = await open(listen(app));
  await stream.lines.until((lines) => lines.filter((line) => line === ":").length >= 4);
  expect(stream.events.all).toEqual([]);
});

test("a silent stream outlives the server's idle timeout", async () => {
  const app = new Elysia({ serve: { idleTimeout: 1 } })
    .use(streaming({ keepAlive: 0 }))
    .get("/", ({ stream }) =>
      stream(async function* ({ wait }) {
        await wait(4000);
        yield "late";
      }),
    );
  const { data } = await (await open(listen(app))).events.next();
  expect(data).toBe("late");
}, 20_000);

test("a callback sends, and ends the stream with close() or with its promise", async () => {
  const app = new Elysia()
    .use(streaming())
    .get("/close", ({ stream }) =>
      stream<string>(({ send, close }) => {
        void send("a");
        setTimeout(() => {
          void send("b");
          close();
          void send("after the end");
        }, 20);
      }),
    )
    .get("/promise", ({ stream }) =>
      stream<string>(async ({ send, wait }) => {
        await send("a");
        await wait(20);
        await send("b");
      }),
    );
  const url = listen(app);
  const expected = `${GREETING}data: a\n\ndata: b\n\n`;
  expect(await textOf(`${url}/close`)).toBe(expected);
  expect(await textOf(`${url}/promise`)).toBe(expected);
});

test("sources: iterables, async iterables, web streams, and promises of them", async () => {
  const web = () =>
    new ReadableStream<string>({
      start(controller) {
        for (const each of ["a", "b"]) controller.enqueue(each);
        controller.close();
      },
    });
  async function* items() {
    yield* ["a", "b"];
  }
  const app = new Elysia()
    .use(streaming())
    .get("/0", ({ stream }) => stream(["a", "b"]))
    .get("/1", ({ stream }) => stream(new Set(["a", "b"])))
    .get("/2", ({ stream }) => stream(items()))
    .get("/3", ({ stream }) => stream(web()))
    .get("/4", ({ stream }) => stream(() => web()))
    .get("/5", ({ stream }) => stream(Promise.resolve(["a", "b"])))
    .get("/6", ({ stream }) => stream(async () => items()))
    .get("/7", ({ stream }) => stream([Promise.resolve("a"), "b"]))
    .get("/8", ({ stream }) => stream(new Response("a")));
  const url = listen(app);
  const expected = `${GREETING}data: a\n\ndata: b\n\n`;
  for (let i = 0; i < 8; i++) expect([i, await textOf(`${url}/${i}`)]).toEqual([i, expected]);
  expect(await textOf(`${url}/8`)).toBe(`${GREETING}data: a\n\n`);
});

test("an event stream from a different server is forwarded byte for byte", async () => {
  const upstream = listen(
    new Elysia()
      .use(streaming())
      .get("/", ({ stream }) => stream([sse({ id: 3, event: "up", data: "x\ny" })])),
  );
  const app = new Elysia().use(streaming()).get("/", ({ stream }) => stream(fetch(upstream)));
  expect(await textOf(listen(app))).toBe(`${GREETING}${GREETING}event: up\nid: 3\ndata: x\ndata: y\n\n`);
});

test("a HEAD request gets the headers and starts no source", async () => {
  let started = 0;
  const app = new Elysia().use(streaming()).head("/", ({ stream }) =>
    stream(() => {
      started++;
    }),
  );
  const response = await fetch(listen(app), { method: "HEAD" });
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(started).toBe(0);
});

test("values that produce no text do not end a stream, however many there are", async () => {
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream(function* () {
      for (let i = 0; i < 2000; i++) yield sse({});
      yield "end";
    }),
  );
  expect(await textOf(listen(app))).toBe(`${GREETING}data: end\n\n`);
});
