// Parity with @elysiajs/stream: with either import, the same routes send the same events.
import { describe, expect, test } from "bun:test";
import * as theirs from "@elysiajs/stream";
import { Elysia } from "elysia";
import { type EventSourceMessage, createParser } from "eventsource-parser";
import * as ours from "../../src/stream-plugin/index.ts";
import { listen, openUnread } from "./app.ts";

/**
 * An event as a client receives it. The id itself is not compared: it is random in `@elysiajs/stream`, and a number in
 * `thump/stream`.
 */
interface Seen {
  event: string | undefined;
  data: string;
  hasId: boolean;
}

async function events(url: string): Promise<Seen[]> {
  const seen: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => seen.push(event) });
  parser.feed(await (await fetch(url)).text());
  return seen.map(({ event, data, id }) => ({ event, data, hasId: id !== undefined }));
}

const plain = (...data: string[]): Seen[] =>
  data.map((each) => ({ event: undefined, data: each, hasId: true }));

describe.each([
  ["@elysiajs/stream", theirs],
  ["thump/stream", ours as unknown as typeof theirs],
])("%s", (_, { Stream, default: Default, wait }) => {
  test("a callback sends text, numbers, booleans and objects, and closes", async () => {
    const app = new Elysia().get(
      "/",
      () =>
        new Stream(async (stream) => {
          stream.send("hello");
          await stream.wait(10);
          stream.send(7);
          stream.send(true);
          await wait(10);
          stream.send({ a: [1] });
          stream.send("");
          stream.close();
        }),
    );
    expect(await events(listen(app))).toEqual(plain("hello", "7", "true", '{"a":[1]}'));
  });

  test("event and retry are set by options, and can be changed later", async () => {
    const app = new Elysia().get(
      "/",
      () =>
        new Stream(
          (stream) => {
            stream.send("a");
            expect([stream.event, stream.retry]).toEqual(["first", 1000]);
            stream.event = "second";
            stream.retry = 2000;
            stream.send("b");
            stream.event = undefined;
            stream.send("c");
            stream.close();
          },
          { event: "first", retry: 1000 },
        ),
    );
    const url = listen(app);
    expect(await events(url)).toEqual([
      { event: "first", data: "a", hasId: true },
      { event: "second", data: "b", hasId: true },
      { event: undefined, data: "c", hasId: true },
    ]);
    const text = await (await fetch(url)).text();
    expect(text.match(/retry: \d+/g)).toEqual(["retry: 1000", "retry: 2000", "retry: 2000"]);
  });

  test("outside code can send on an instance without a callback", async () => {
    const app = new Elysia().get("/", () => {
      const stream = new Stream<string>();
      stream.send("at once");
      setTimeout(() => {
        stream.send("later");
        stream.close();
      }, 10);
      return stream.value;
    });
    expect(await events(listen(app))).toEqual(plain("at once", "later"));
  });

  test("iterables and async iterables", async () => {
    async function* items() {
      yield 1;
      await wait(5);
      yield { n: 2 };
    }
    const app = new Elysia()
      .get("/sync", () => new Stream(["a", "b"]))
      .get("/async", () => new Stream(items()).value)
      .get("/promise", () => new Stream(Promise.resolve(["c"])))
      .get("/named", () => new Stream(items(), { event: "n" }))
      .get("/null", () => new Stream(null));
    const url = listen(app);
    expect(await events(`${url}/sync`)).toEqual(plain("a", "b"));
    expect(await events(`${url}/async`)).toEqual(plain("1", '{"n":2}'));
    expect(await events(`${url}/promise`)).toEqual(plain("c"));
    expect(await events(`${url}/named`)).toEqual([
      { event: "n", data: "1", hasId: true },
      { event: "n", data: '{"n":2}', hasId: true },
    ]);
    expect(await events(`${url}/null`)).toEqual([]);
  });

  test("web streams and responses are forwarded byte for byte", async () => {
    const upstream = "event: up\nid: x\ndata: 1\n\ndata: 2\n\n";
    const source = listen(new Elysia().get("/", () => upstream));
    const app = new Elysia()
      .get("/response", async () => new Stream(await fetch(source)))
      .get("/promise", () => new Stream(fetch(source)))
      .get("/stream", async () => new Stream((await fetch(source)).body!));
    const url = listen(app);
    for (const path of ["response", "promise", "stream"])
      expect([path, await (await fetch(`${url}/${path}`)).text()]).toEqual([path, upstream]);
  });

  test("text that is already an encoded event is sent unchanged", async () => {
    const app = new Elysia().get(
      "/",
      () =>
        new Stream((stream) => {
          stream.send("id: own\ndata: x\n\n");
          stream.close();
        }),
    );
    expect(await (await fetch(listen(app))).text()).toBe("id: own\ndata: x\n\n");
  });

  test("bytes are sent unchanged, after the label", async () => {
    const app = new Elysia().get(
      "/",
      () =>
        new Stream(
          (stream) => {
            stream.send(new TextEncoder().encode("data: x\n\n"));
            stream.close();
          },
          { event: "bytes" },
        ),
    );
    expect(await (await fetch(listen(app))).text()).toBe("event: bytes\ndata: x\n\n");
  });

  test("value, toResponse() and stream are the same web stream; the class is the default export", () => {
    const stream = new Stream();
    expect(stream.value).toBeInstanceOf(ReadableStream);
    expect(stream.toResponse()).toBe(stream.value);
    expect(stream.stream).toBe(stream.value);
    expect(Default).toBe(Stream);
    expect(Stream.concatUintArray(new Uint8Array([1]), new Uint8Array([2, 3]))).toEqual(
      new Uint8Array([1, 2, 3]),
    );
    stream.close();
  });

  test("as the body of a Response", async () => {
    const app = new Elysia().get("/", () => new Response(new Stream(["a"]).value));
    expect(await events(listen(app))).toEqual(plain("a"));
  });
});

describe("differences from @elysiajs/stream", () => {
  const routes = ({ Stream }: Pick<typeof theirs, "Stream">) =>
    new Elysia()
      .get("/lines", () => new Stream(["a\nb"]))
      .get("/paid", () => new Stream(["paid: 5", "next"]))
      .get("/type", () => new Stream(["a"]));

  test("lines, text that contains `id:`, and the content type", async () => {
    const url = listen(routes(ours as unknown as typeof theirs));
    expect(await events(`${url}/lines`)).toEqual(plain("a\nb"));
    expect(await events(`${url}/paid`)).toEqual(plain("paid: 5", "next"));
    expect((await fetch(`${url}/type`)).headers.get("content-type")).toBe("text/event-stream");
    // Checks the same routes with @elysiajs/stream, to detect when a difference disappears.
    const before = listen(routes(theirs));
    expect(await events(`${before}/lines`)).toEqual(plain("a"));
    expect(await events(`${before}/paid`)).not.toEqual(plain("paid: 5", "next"));
    expect((await fetch(`${before}/type`)).headers.get("content-type")).toBe("text/plain");
  });

  test("the source stops when the client leaves", async () => {
    let closed = 0;
    const app = new Elysia().get(
      "/",
      () => new ours.Stream((stream) => void stream.send("a"), { onClose: () => closed++ }),
    );
    const socket = openUnread(listen(app));
    await new Promise((resolve) => socket.once("data", resolve).resume());
    socket.destroy();
    const deadline = Date.now() + 5000;
    while (closed === 0 && Date.now() < deadline) await Bun.sleep(5);
    expect(closed).toBe(1);
  });
});
