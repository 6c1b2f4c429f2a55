// Eden Treaty: a client knows the types of a stream's events, and the events it receives have these types.
import { expect, expectTypeOf, test } from "bun:test";
import { treaty } from "@elysiajs/eden";
import { Elysia, t } from "elysia";
import { thump } from "../../src/index.ts";
import { room, sse, Stream, streaming } from "../../src/stream-plugin/index.ts";
import { listen } from "./app.ts";

const app = new Elysia()
  .use(streaming())
  .use(thump({ prefix: "/thump", rooms: { "*": { history: { count: 5 } } } }))
  .get("/values", ({ stream }) => stream([{ n: 1 }, { n: 2 }]))
  .get("/events", ({ stream }) =>
    stream(async function* ({ lastNumber }) {
      yield sse({ id: lastNumber + 1, event: "progress", data: { percent: 10 } });
      yield sse({ id: lastNumber + 2, event: "done", data: "all of it" });
    }),
  )
  .group("/group", (group) =>
    group.get("/:id", ({ stream, params }) => stream([params.id]), { params: t.Object({ id: t.String() }) }),
  )
  .get("/callback", ({ stream }) =>
    stream<{ tick: number }>(({ send }) => void Promise.resolve(send({ tick: 1 }))),
  )
  .get("/room", ({ stream, thump }) => stream(room<{ text: string }>(thump, "a", { last: 1 })))
  .get("/error", ({ stream, status }) => (Math.random() > 2 ? stream(["never"]) : status(403, "not yours")))
  .get("/class", () => new Stream<{ n: number }>([{ n: 3 }]).value);

async function client() {
  return treaty<typeof app>(listen(app));
}

async function collect<T>(items: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
    if (all.length === count) break;
  }
  return all;
}

test("values are the data of events", async () => {
  const { data } = await (await client()).values.get();
  const [first] = await collect(data!);
  expectTypeOf(first!.data).toEqualTypeOf<{ n: number }>();
  expectTypeOf(first!.event).toEqualTypeOf<undefined>();
  expect(first).toEqual({ data: { n: 1 } });
});

test("the name of an event determines the type of its data", async () => {
  const { data } = await (await client()).events.get({ headers: { "last-event-id": "4" } });
  const all = await collect(data!);
  for (const item of all) {
    if (item.event === "progress") expectTypeOf(item.data).toEqualTypeOf<{ percent: number }>();
    else expectTypeOf(item.data).toEqualTypeOf<string>();
  }
  expect(all).toEqual([
    { id: 5, event: "progress", data: { percent: 10 } },
    { id: 6, event: "done", data: "all of it" },
  ]);
});

test("in a group, with a schema of parameters", async () => {
  const { data } = await (await client()).group({ id: "x" }).get();
  const all = await collect(data!);
  expectTypeOf(all[0]!.data).toEqualTypeOf<string>();
  expect(all).toEqual([{ data: "x" }]);
});

test("a callback's events have the type given to stream()", async () => {
  const { data } = await (await client()).callback.get();
  const [first] = await collect(data!, 1);
  expectTypeOf(first!.data).toEqualTypeOf<{ tick: number }>();
  expect(first).toEqual({ data: { tick: 1 } });
});

test("the argument of send() is type-checked", () => {
  new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream<string>(({ send, close }) => {
      // @ts-expect-error it sends text
      void send(1);
      close();
    }),
  );
});

test("messages of a room, and gap notices", async () => {
  const { at } = await app.decorator.thump.publish("a", { text: "hi" });
  const { data } = await (await client()).room.get();
  for await (const item of data!) {
    if (item.event === "thump:gap") {
      expectTypeOf(item.event).toEqualTypeOf<string>();
      continue;
    }
    if (item.data === undefined) continue;
    expect(item).toEqual({ id: at, data: { text: "hi" } });
    break;
  }
});

test("errors of the route keep their types", async () => {
  const { data, error } = await (await client()).error.get();
  expect(data).toBeNull();
  expect(error?.status).toBe(403);
  if (error?.status === 403) expectTypeOf(error.value).toEqualTypeOf<"not yours">();
});

test("the class Stream has the type of its data", async () => {
  const { data } = await (await client()).class.get();
  expectTypeOf(data!).toMatchTypeOf<AsyncGenerator<{ n: number }>>();
  expect(await collect(data! as AsyncGenerator<unknown>)).toEqual([{ id: 1, data: { n: 3 } }]);
});
