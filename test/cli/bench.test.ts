// `thump bench` as a command: it measures deliveries and detects faulty servers.
import { expect, test } from "bun:test";
import { cleanup } from "../support/cleanup.ts";
import { run } from "../support/command.ts";
import { startServer } from "../support/server.ts";

const at = ({ url }: { url: string | URL }) => ({ THUMP_URL: String(url) });
const SMALL = ["bench", "--clients", "7", "--rate", "200", "--duration", "500ms", "--json"];
const NONE = { missing: 0, repeated: 0, outOfOrder: 0, gaps: 0, closed: 0 };

test("every publication reaches every client", async () => {
  const { code, out, err } = await run([...SMALL, "room", "--size", "200"], at(startServer()));
  expect([code, err]).toEqual([0, ""]);
  const { ms, ...counts } = JSON.parse(out) as { ms: { p50: number; p99: number; max: number } };
  expect(counts).toMatchObject({ room: "room", clients: 7, published: 100, delivered: 700, faults: NONE });
  expect([0 < ms.p50, ms.p50 <= ms.p99, ms.p99 <= ms.max]).toEqual([true, true, true]);
});

test("without --json the output is text", async () => {
  const args = ["bench", "--clients", "2", "--rate", "100", "--duration", "100ms"];
  const { code, out } = await run(args, at(startServer()));
  expect(code).toBe(0);
  for (const part of ["delivered   20 ", "p99", "missing 0"]) expect(out).toContain(part);
});

/** A fake server with one room. It mishandles some publications. */
function faulty(deliver: (number: number, send: (text: string) => void, text: string) => void) {
  const sockets = new Set<Bun.ServerWebSocket<unknown>>();
  const server = Bun.serve({
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : Response.json({})),
    websocket: {
      open: (socket) => void sockets.add(socket),
      close: (socket) => void sockets.delete(socket),
      message: (from, text) => {
        const number = Number(String(text).split(" ")[1]);
        const others = [...sockets].filter((socket) => socket !== from);
        deliver(number, (sent) => others.forEach((socket) => socket.send(sent)), String(text));
      },
    },
  });
  cleanup(() => server.stop(true));
  return server;
}

test("missing, repeated and out-of-order messages are counted, and the exit code is 1", async () => {
  let held = "";
  const server = faulty((number, send, text) => {
    if (number === 10) return;
    if (number === 20) held = text;
    else send(text);
    if (number === 30) send(text);
    if (number === 40) send(held);
    if (number === 50) send('{"type":"gap","room":"r","after":"a-1","at":"a-2"}');
  });
  const { code, out } = await run(SMALL, at(server));
  expect(code).toBe(1);
  const { faults, delivered } = JSON.parse(out) as { faults: object; delivered: number };
  expect(faults).toEqual({ missing: 7, repeated: 7, outOfOrder: 7, gaps: 7, closed: 0 });
  expect(delivered).toBe(700);
});

test("if the server rejects the connection or the publications, one line states the reason", async () => {
  const closed = startServer({ access: { secrets: "a secret for tests, long enough to be one" } });
  expect((await run(SMALL, at(closed))).code).toBe(3);
  const readOnly = startServer({ rooms: { "*": { publish: "server" } } });
  const { code, err } = await run([...SMALL, "r"], at(readOnly));
  expect([code, err]).toEqual([1, expect.stringContaining("forbidden")]);
  expect(err.split("\n")).toHaveLength(1);
});
