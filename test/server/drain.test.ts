// Stopping the server drains it: accepted publications are delivered, all clients get a reconnect delay, and the
// process exits.
import { expect, test } from "bun:test";
import { refusalOf } from "../support/answers.ts";
import { connect, eventSource, multiplexed, type Socket } from "../support/clients.ts";
import { type Started, startProcess } from "../support/process.ts";
import { openEvents, openNdjson } from "../support/streams.ts";

const ARGS = ["--port", "0", "--no-demo", "--drain", "3s", "--log-level", "warning"];

const socketUrl = ({ port }: Started, path: string) => `ws://127.0.0.1:${port}${path}`;
const publish = ({ url }: Started, body: string) => fetch(`${url}/rooms/r`, { method: "POST", body });

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s: sockets receive a reconnect delay, streams end, exit code 0",
  async (signal) => {
    const started = await startProcess(ARGS);
    const sockets: Socket[] = [];
    for (let i = 0; i < 12; i++)
      sockets.push(await connect(socketUrl(started, i % 2 ? "/rooms/r" : "/ws?room=r")));
    const sse = await openEvents(`${started.url}/rooms/r`);
    const all = await openEvents(`${started.url}/events?room=r`);
    const ndjson = await openNdjson(`${started.url}/rooms/r`);
    started.process.kill(signal);
    const delays: number[] = [];
    for (const socket of sockets) {
      const { code, reason } = await socket.closed;
      expect(code).toBe(1001);
      expect(reason).toMatch(/^[0-9]+$/);
      delays.push(Number(reason));
    }
    await Promise.all([sse.ended, all.ended, ndjson.ended]);
    for (const { lines } of [sse, all]) {
      const retry = lines.all.findLast((line) => line.startsWith("retry: "));
      delays.push(Number(retry?.slice(7)));
    }
    // Delays are spread over the drain.
    for (const delay of delays) expect(delay).toBeWithin(0, 3000);
    expect(new Set(delays).size).toBeGreaterThan(3);
    expect(await started.process.exited).toBe(0);
    expect(await new Response(started.process.stderr).text()).toBe("");
  },
);

test("publications acknowledged before the signal are delivered to all subscribers", async () => {
  const started = await startProcess(ARGS);
  const raw = await connect(socketUrl(started, "/rooms/r"));
  const mux = await multiplexed(socketUrl(started, "/ws?room=r"));
  const sse = await openEvents(`${started.url}/rooms/r`);
  const publisher = await multiplexed(socketUrl(started, "/ws"));
  await mux.find(({ type }) => type === "joined");
  const count = 2_000;
  for (let i = 0; i < count; i++) {
    publisher.socket.send(JSON.stringify({ type: "publish", id: i, room: "r", data: i }));
  }
  const last = count - 1;
  await publisher.find((frame) => frame["id"] === last);
  expect(publisher.all.filter(({ type }) => type === "published")).toHaveLength(count);
  started.process.kill("SIGTERM");
  await Promise.all([raw.closed, mux.closed, sse.ended]);
  const expected = Array.from({ length: count }, (_, i) => i);
  expect(raw.all.map(Number)).toEqual(expected);
  expect(mux.messages().map((frame) => frame["data"])).toEqual(expected);
  expect(sse.events.all.map(({ data }) => Number(data))).toEqual(expected);
  expect(await started.process.exited).toBe(0);
});

test("a lagging session catches up first; meanwhile, new sessions are refused and publishing continues", async () => {
  const rooms = '{"*":{"history":{"count":10000,"bytes":"100MiB"}}}';
  const started = await startProcess([...ARGS, "--rooms", rooms]);
  const slow = await connect(socketUrl(started, "/rooms/r"));
  slow.ws.pause();
  const chunk = "x".repeat(60_000);
  // Far more than the socket's buffers hold.
  for (let i = 0; i < 300; i++) expect((await publish(started, `${i} ${chunk}`)).status).toBe(201);
  started.process.kill("SIGTERM");
  await started.out.until((lines) => lines.some((line) => line.includes("draining")));
  const ready = await fetch(`${started.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: "draining" }]);
  expect((await fetch(`${started.url}/healthz`)).status).toBe(200);
  const refused = await fetch(`${started.url}/rooms/r`, { headers: { accept: "text/event-stream" } });
  expect(await refusalOf(refused)).toMatchObject({ status: 503, code: "draining" });
  await expect(connect(socketUrl(started, "/ws"))).rejects.toThrow(/503/);
  expect((await publish(started, "last")).status).toBe(201);
  slow.ws.resume();
  expect((await slow.closed).code).toBe(1001);
  expect(slow.all.map((frame) => String(frame).split(" ", 1)[0])).toEqual([
    ...Array.from({ length: 300 }, (_, i) => String(i)),
    "last",
  ]);
  expect(await started.process.exited).toBe(0);
});

test("waiting polls receive a response", async () => {
  const started = await startProcess(ARGS);
  const poll = fetch(`${started.url}/rooms/r?wait=60`);
  const members = async () => (await (await fetch(`${started.url}/rooms/r`)).json()) as { sessions: number };
  while ((await members()).sessions === 0) await Bun.sleep(1);
  started.process.kill("SIGTERM");
  expect((await (await poll).json()) as object).toMatchObject({ room: "r", messages: [] });
  expect(await started.process.exited).toBe(0);
});

test("without sessions the process exits immediately", async () => {
  const started = await startProcess();
  started.process.kill("SIGTERM");
  expect(await started.process.exited).toBe(0);
});

test("a second signal ends the process even if a session lags", async () => {
  const rooms = '{"*":{"history":{"count":10000,"bytes":"100MiB"}}}';
  const started = await startProcess([...ARGS, "--rooms", rooms]);
  const slow = await connect(socketUrl(started, "/rooms/r"));
  slow.ws.pause();
  for (let i = 0; i < 300; i++) await publish(started, "x".repeat(60_000));
  started.process.kill("SIGTERM");
  await started.out.until((lines) => lines.some((line) => line.includes("draining")));
  started.process.kill("SIGTERM");
  expect(await started.process.exited).toBe(1);
});

test("an EventSource reconnects to the next process on the same port and receives a gap notice", async () => {
  const first = await startProcess([...ARGS, "--drain", "0"]);
  const source = await eventSource(`${first.url}/rooms/r`);
  await publish(first, "1");
  expect((await source.next()).data).toBe("1");
  first.process.kill("SIGTERM");
  expect(await first.process.exited).toBe(0);
  const second = await startProcess(["--port", String(first.port), "--no-demo"]);
  await publish(second, "2");
  // The log was in memory, so the epoch is different and messages may be missing.
  expect((await source.next()).event).toBe("thump:gap");
  expect((await source.next()).data).toBe("2");
});
