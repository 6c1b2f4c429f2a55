// A drain with thousands of sessions of every kind, while a client continues to publish.
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { type Started, startProcess } from "../support/process.ts";

const SOCKETS = 2_000;
const STREAMS = 500;
const DRAIN = 30_000;

/** Data that one client received: numbered publications and a reconnect delay. */
interface Seen {
  numbers: number[];
  delay?: number;
  code?: number;
  ended: Promise<void>;
}

/** Uses Bun's client, because opening thousands of `ws` clients would take longer than the test. */
function openSocket(started: Started, path: string): Promise<Seen> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const seen: Seen = { numbers: [], ended };
  const socket = new WebSocket(`ws://127.0.0.1:${started.port}${path}`);
  return new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as number | { type: string; data: number };
      if (typeof frame === "number") seen.numbers.push(frame);
      else if (frame.type === "message") seen.numbers.push(frame.data);
      else if (frame.type === "joined") resolve(seen);
    };
    socket.onopen = () => path.startsWith("/rooms") && resolve(seen);
    socket.onerror = () => reject(new Error("the socket did not open"));
    socket.onclose = ({ code, reason }) => {
      Object.assign(seen, { code, delay: Number(reason) });
      end();
    };
  });
}

/**
 * Uses TCP, because `fetch` opens at most a few hundred connections. Each chunk from the server contains whole lines.
 */
function openStream({ port }: Started, path: string, accept: string): Promise<Seen> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const seen: Seen = { numbers: [], ended };
  let rest = "";
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("close", () => end());
    socket.once("connect", () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: ${accept}\r\n\r\n`),
    );
    socket.on("data", (chunk) => {
      const lines = (rest + String(chunk)).split(/\r?\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        readLine(line, seen);
        // Once a stream has its first position, it receives everything that is published.
        if (/^id: |"position"/.test(line)) resolve(seen);
      }
    });
  });
}

function readLine(line: string, seen: Seen): void {
  if (line.startsWith("retry: ")) seen.delay = Number(line.slice(7));
  const text = line.startsWith("data: ") ? line.slice(6) : line.startsWith("{") ? line : undefined;
  if (text === undefined) return;
  const value = JSON.parse(text) as number | { type: string; data: number };
  if (typeof value === "number") seen.numbers.push(value);
  else if (value.type === "message") seen.numbers.push(value.data);
}

/** Opens `count` clients, 100 at a time. */
async function openAll(count: number, open: (i: number) => Promise<Seen>): Promise<Seen[]> {
  const all: Seen[] = [];
  for (let i = 0; i < count; i += 100)
    all.push(...(await Promise.all(Array.from({ length: Math.min(100, count - i) }, (_, j) => open(i + j)))));
  return all;
}

/**
 * Publishes numbers one after the other until the server stops responding. Adds each acknowledged number to `acked`.
 */
async function publishNumbers({ url }: Started, acked: number[]): Promise<void> {
  for (let i = 0; ; i++) {
    const response = await fetch(`${url}/rooms/r`, { method: "POST", body: String(i) }).catch(
      () => undefined,
    );
    if (response?.status !== 201) return;
    acked.push(i);
  }
}

const EVENTS = "text/event-stream";

test(`${SOCKETS} sockets and ${STREAMS} streams are drained: nothing acknowledged is lost, and reconnects are spread out`, async () => {
  const args = ["--port", "0", "--no-demo", "--log", "none", "--drain", `${DRAIN}ms`];
  const started = await startProcess(args);
  const sockets = await openAll(SOCKETS, (i) => openSocket(started, i % 2 ? "/rooms/r" : "/ws?room=r"));
  const kinds = [
    ["/rooms/r", EVENTS],
    ["/events?room=r", EVENTS],
    ["/rooms/r", "application/x-ndjson"],
  ] as const;
  const streams = await openAll(STREAMS, (i) => {
    const [path, accept] = kinds[i % 3] ?? kinds[0];
    return openStream(started, path, accept);
  });
  const clients = [...sockets, ...streams];
  const acked: number[] = [];
  const publishing = publishNumbers(started, acked);
  const some = sockets[0] as Seen;
  while (some.numbers.length < 20) await fetch(`${started.url}/healthz`);

  const ackedBefore = acked.length;
  started.process.kill("SIGTERM");
  await Promise.all(clients.map(({ ended }) => ended));
  await publishing;
  expect(await started.process.exited).toBe(0);

  for (const { numbers } of clients) {
    // The numbers are in order and unique, have no gaps, and include everything acknowledged before the signal.
    expect(numbers.length).toBeGreaterThanOrEqual(ackedBefore);
    const first = numbers[0] ?? 0;
    expect(first).toBe(0);
    expect(numbers.every((number, i) => number === i)).toBe(true);
  }
  for (const { code } of sockets) expect(code).toBe(1001);
  expectSpread(sockets.map(({ delay }) => delay ?? -1));
  expectSpread(streams.filter((_, i) => i % 3 !== 2).map(({ delay }) => delay ?? -1));
}, 60_000);

/**
 * Checks that all delays are within the drain period, and that no tenth of the period has more than twice its share of
 * delays.
 */
function expectSpread(delays: number[]): void {
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const delay of delays) {
    expect(delay).toBeWithin(0, DRAIN);
    (tenths[Math.floor((delay / DRAIN) * 10)] as number)++;
  }
  for (const count of tenths) expect(count).toBeWithin(delays.length / 20, delays.length / 5);
}
