// Back-pressure: a source is pulled only as fast as the client reads, and memory stays bounded if the client stops
// reading.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { Stream, streaming } from "../../src/stream-plugin/index.ts";
import { Inbox } from "../support/clients.ts";
import { listen, openUnread, textOf } from "./app.ts";

const KIB = "x".repeat(1024);
/** A size in KiB that is far more than the kernel buffers for one local connection (about 4 MiB). */
const FAR_MORE = 100_000;

/** Waits until a count stops growing, and returns the count. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count();) {
    before = count();
    await Bun.sleep(300);
  }
  return count();
}

test.each(["sync", "async"])(
  "a client that does not read: the %s source is no longer pulled",
  async (kind) => {
    let pulls = 0;
    const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
      kind === "sync"
        ? stream(function* () {
            for (; pulls < FAR_MORE; pulls++) yield KIB;
          })
        : stream(async function* () {
            for (; pulls < FAR_MORE; pulls++) yield KIB;
          }),
    );
    const client = openUnread(listen(app));
    const unread = await settled(() => pulls);
    expect(unread).toBeGreaterThan(0);
    expect(unread).toBeLessThan(FAR_MORE / 4);
    // When the client reads again, everything arrives.
    let bytes = 0;
    client.on("data", (chunk: Buffer) => (bytes += chunk.length));
    client.resume();
    await settled(() => bytes);
    expect(pulls).toBe(FAR_MORE);
    expect(bytes).toBeGreaterThan(FAR_MORE * 1024);
  },
  60_000,
);

test("a body that is never read: the source is not even started", async () => {
  let started = 0;
  const app = new Elysia().use(streaming()).get("/", ({ stream }) => stream(() => [++started]));
  const response = await app.handle(new Request("http://localhost/"));
  await Bun.sleep(50);
  expect(started).toBe(0);
  await response.body?.cancel();
});

test("a body that is read in steps pulls one batch per read", async () => {
  let pulls = 0;
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream(function* () {
      for (;;) {
        pulls++;
        yield KIB;
      }
    }),
  );
  const { body } = await app.handle(new Request("http://localhost/"));
  const reader = body!.getReader();
  for (let reads = 1; reads <= 3; reads++) {
    await reader.read();
    await Bun.sleep(20);
    expect(pulls).toBeLessThanOrEqual(reads * 17);
  }
  await reader.cancel();
});

test("a callback that waits for send() is slowed down", async () => {
  let sent = 0;
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream<string>(async ({ send, signal }) => {
      for (; !signal.aborted; sent++) {
        await send(KIB);
        if (sent % 64 === 0) await Bun.sleep(0);
      }
    }),
  );
  const client = openUnread(listen(app));
  expect(await settled(() => sent)).toBeLessThan(FAR_MORE / 4);
  client.destroy();
});

test("a callback that does not wait: its stream ends with the reason slow at `maxBuffered`", async () => {
  const ends = new Inbox<string>();
  let sent = 0;
  const app = new Elysia().use(streaming({ maxBuffered: 256 * 1024 })).get("/", ({ stream }) =>
    stream<string>(
      ({ send }) => {
        const timer = setInterval(() => {
          for (let i = 0; i < 100; i++, sent++) void send(KIB);
        }, 1);
        return () => clearInterval(timer);
      },
      { onClose: ({ reason }) => ends.push(reason) },
    ),
  );
  openUnread(listen(app));
  expect(await ends.next()).toBe("slow");
  expect(sent).toBeLessThan(FAR_MORE / 4);
});

test("the class Stream: iterables are pulled as the client reads", async () => {
  let pulls = 0;
  const app = new Elysia().get("/", () => {
    function* items() {
      for (; pulls < FAR_MORE; pulls++) yield KIB;
    }
    return new Stream(items());
  });
  openUnread(listen(app));
  expect(await settled(() => pulls)).toBeLessThan(FAR_MORE / 4);
});

test("a source that never waits does not block other requests", async () => {
  const app = new Elysia()
    .use(streaming())
    .get("/flood", ({ stream }) =>
      stream(function* () {
        for (;;) yield "x";
      }),
    )
    .get("/other", () => "ok");
  const url = listen(app);
  const flood = await fetch(`${url}/flood`);
  const reader = flood.body!.getReader();
  void (async () => {
    for (;;) if ((await reader.read()).done) return;
  })().catch(() => {});
  for (let i = 0; i < 20; i++) expect(await textOf(`${url}/other`)).toBe("ok");
  await reader.cancel();
});
