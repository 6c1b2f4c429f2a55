// However a stream ends, the close hook runs once and the source is stopped.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { Stream, type StreamEnd, streaming } from "../../src/stream-plugin/index.ts";
import { Inbox } from "../support/clients.ts";
import { listen, open, openUnread, textOf } from "./app.ts";

/** Records the reasons why streams end. */
function recorder() {
  const log = new Inbox<string>();
  const onClose = ({ reason, error }: StreamEnd) =>
    log.push(error === undefined ? reason : `${reason}: ${(error as Error).message}`);
  return { log, onClose };
}

test("the source has no more values", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia().use(streaming()).get("/", ({ stream }) => stream(["a"], { onClose }));
  await textOf(listen(app));
  expect(log.all).toEqual(["done"]);
});

test("a generator calls close(): its `finally` runs", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream(
      async function* ({ close }) {
        try {
          yield "a";
          close();
          yield "dropped";
        } finally {
          log.push("finally");
        }
      },
      { onClose },
    ),
  );
  expect(await textOf(listen(app))).toBe(":\n\ndata: a\n\n");
  await log.until((all) => all.length >= 2);
  expect(log.all).toEqual(["done", "finally"]);
});

test("the client leaves while the source waits: the signal ends the wait, and `finally` runs", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream(
      async function* ({ wait }) {
        try {
          yield "a";
          await wait(600_000);
          yield "never";
        } finally {
          log.push("finally");
        }
      },
      { onClose },
    ),
  );
  const client = await open(listen(app));
  await client.events.next();
  client.abort();
  await log.until((all) => all.length >= 2);
  expect(log.all).toEqual(["client", "finally"]);
});

test("the client leaves while the source waits for something without a signal: the hook still runs", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream(
      async function* () {
        yield "a";
        await new Promise(() => {});
      },
      { onClose },
    ),
  );
  const client = await open(listen(app));
  await client.events.next();
  client.abort();
  await log.until((all) => all.length >= 1);
  expect(log.all).toEqual(["client"]);
});

test("the client leaves while a callback sends: the signal is aborted, and the returned function runs", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia().use(streaming()).get("/", ({ stream }) =>
    stream<string>(
      ({ send, signal }) => {
        void send("a");
        signal.addEventListener("abort", () => log.push("abort"));
        return () => log.push("returned function");
      },
      { onClose },
    ),
  );
  const client = await open(listen(app));
  await client.events.next();
  client.abort();
  await log.until((all) => all.length >= 3);
  expect(log.all).toEqual(["abort", "returned function", "client"]);
});

test("the source fails, before and after its first event, and the error is reported", async () => {
  const { log, onClose } = recorder();
  const errors: unknown[] = [];
  const app = new Elysia()
    .use(streaming({ onError: (error) => errors.push((error as Error).message) }))
    .get("/callback", ({ stream }) =>
      stream(
        () => {
          throw new Error("at once");
        },
        { onClose },
      ),
    )
    .get("/generator", ({ stream }) =>
      stream(
        function* () {
          yield "a";
          throw new Error("later");
        },
        { onClose },
      ),
    )
    .get("/circle", ({ stream }) => {
      const circle: object[] = [];
      circle.push(circle);
      return stream([circle], { onClose });
    })
    .get("/promise", ({ stream }) => stream(Promise.reject<string[]>(new Error("no source")), { onClose }))
    .get("/upstream", ({ stream }) => stream(new Response("no", { status: 502 }), { onClose }));
  const url = listen(app);
  expect(await textOf(`${url}/callback`)).toBe(":\n\n");
  expect(await textOf(`${url}/generator`)).toBe(":\n\ndata: a\n\n");
  await textOf(`${url}/circle`);
  await textOf(`${url}/promise`);
  await textOf(`${url}/upstream`);
  expect(log.all).toHaveLength(5);
  expect(log.all.slice(0, 2)).toEqual(["error: at once", "error: later"]);
  expect(log.all[3]).toBe("error: no source");
  expect(log.all[4]).toContain("502");
  expect(errors).toHaveLength(5);
});

test("the server stops gracefully: streams end, their last events arrive, and stop() resolves", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia()
    .use(streaming())
    .group("/in", (group) => group.get("/group", ({ stream }) => stream(endless, { onClose })));
  const client = await open(`${listen(app)}/in/group`);
  await client.events.next();
  await app.stop();
  await client.ended;
  expect(log.all).toEqual(["stopped"]);
});

test("the server stops by force", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia().use(streaming()).get("/", ({ stream }) => stream(endless, { onClose }));
  const client = await open(listen(app));
  await client.events.next();
  await app.stop(true);
  await client.ended;
  expect(log.all).toEqual(["stopped"]);
});

test("a client that does not read is disconnected after `stallTimeout`", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia()
    .use(streaming({ stallTimeout: 200 }))
    .get("/", ({ stream }) => stream(flood, { onClose }));
  openUnread(listen(app));
  await log.until((all) => all.length >= 1);
  expect(log.all).toEqual(["slow"]);
});

test("a hook that fails is reported and has no other effect", async () => {
  const errors = new Inbox<unknown>();
  const app = new Elysia().use(streaming({ onError: (error) => errors.push(error) })).get("/", ({ stream }) =>
    stream(["a"], {
      onClose: async () => {
        await Promise.resolve();
        throw new Error("in the hook");
      },
    }),
  );
  expect(await textOf(listen(app))).toBe(":\n\ndata: a\n\n");
  expect(String(await errors.next())).toContain("in the hook");
});

test("the request was aborted before the route answered: no source is started", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia().use(streaming()).get("/", async ({ stream, request }) => {
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    return stream(() => log.push("started"), { onClose });
  });
  const url = listen(app);
  const abort = new AbortController();
  const answered = fetch(url, { signal: abort.signal });
  answered.catch(() => {});
  await Bun.sleep(50);
  abort.abort();
  await log.until((all) => all.length >= 1);
  expect(log.all).toEqual(["client"]);
});

test("the class Stream: done, client, error", async () => {
  const { log, onClose } = recorder();
  const app = new Elysia()
    .get("/done", () => new Stream(["a"], { onClose }))
    .get("/client", () => new Stream((stream) => void stream.send("a"), { onClose }))
    .get("/value", () => new Stream(endlessly(), { onClose }).value);
  const url = listen(app);
  await textOf(`${url}/done`);
  for (const path of ["client", "value"]) {
    const client = await open(`${url}/${path}`);
    await client.events.next();
    client.abort();
    await log.until((all) => all.at(-1) === "client");
    log.push(`by ${path}`);
  }
  expect(log.all).toEqual(["done", "client", "by client", "client", "by value"]);
});

async function* endless({ wait }: { wait: (ms: number) => Promise<void> }) {
  for (;;) {
    yield "a";
    await wait(20);
  }
}

async function* endlessly() {
  yield "a";
  await new Promise(() => {});
}

function* flood() {
  for (;;) yield "x".repeat(16_000);
}
