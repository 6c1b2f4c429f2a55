// The console's figures, which combine the samples from one or more nodes.
import { expect, test } from "bun:test";
import { Series, WINDOW_SECONDS } from "../../src/console/app/series.ts";
import type { ServerSample } from "../../src/protocol/status-rooms.ts";

const NONE = { p50: null, p99: null };

function sample(node: string, time: number, more: Partial<ServerSample> = {}): ServerSample {
  return {
    node,
    version: "0",
    time,
    seconds: 1,
    uptime: 1,
    draining: false,
    sessions: { total: 1, lagging: 0, limit: 10, byTransport: {} },
    rooms: 0,
    in: { publications: 0, bytes: 0 },
    out: { deliveries: 0, bytes: 0 },
    lags: 0,
    catchUps: 0,
    gaps: 0,
    skipped: 0,
    lost: 0,
    rejects: {},
    toSockets: NONE,
    toStreams: NONE,
    log: NONE,
    loop: NONE,
    memory: { rss: 0, heap: 0, kept: 0, limit: 0 },
    ...more,
  };
}

const START = 1_800_000_000_000;
const sessions = (total: number): Partial<ServerSample> => ({
  sessions: { total, lagging: 0, limit: 10, byTransport: {} },
});

test("for one node, figures equal the samples; rates are per second at any interval", () => {
  const series = new Series();
  series.add(sample("a", START, { in: { publications: 10, bytes: 0 } }));
  series.add(sample("a", START + 2000, { seconds: 2, in: { publications: 10, bytes: 0 } }));
  expect(series.columns(["published"])).toEqual([
    [START / 1000, START / 1000 + 2],
    [10, 5],
  ]);
  expect(series.now("published")).toBe(5);
  expect(series.now("socketsP99")).toBeNull();
});

test("for several nodes, counts are summed, and latencies are the maximum", () => {
  const series = new Series();
  for (let i = 0; i < 5; i++) {
    // The nodes take their samples at different times.
    series.add(sample("a", START + i * 1000, { ...sessions(3), toSockets: { p50: 1, p99: 2 } }));
    series.add(sample("b", START + i * 1000 + 400, { ...sessions(4), toSockets: { p50: 1, p99: i } }));
  }
  expect(series.nodes).toEqual(["a", "b"]);
  expect(series.now("sessions")).toBe(7);
  expect(series.now("sessions", "b")).toBe(4);
  expect(series.now("socketsP99")).toBe(4);
  const [times = [], total = [], worst = []] = series.columns(["sessions", "socketsP99"]);
  expect(times.length).toBe(5);
  expect(total).toEqual([3, 7, 7, 7, 7]);
  expect(worst).toEqual([2, 2, 2, 2, 3]);
});

test("a silent node does not count", () => {
  const series = new Series();
  series.add(sample("gone", START, sessions(100)));
  for (let i = 0; i < 10; i++) series.add(sample("here", START + i * 1000, sessions(1)));
  expect(series.nodes).toEqual(["here"]);
  expect(series.now("sessions")).toBe(1);
  expect(series.columns(["sessions"])[1]).toEqual([101, 101, 101, 101, 101, 1, 1, 1, 1, 1]);
});

test("samples older than the window are removed", () => {
  const series = new Series();
  for (let i = 0; i <= WINDOW_SECONDS + 50; i++) series.add(sample("a", START + i * 1000));
  expect(series.columns([])[0]).toHaveLength(WINDOW_SECONDS + 1);
});

test("without samples there are no figures", () => {
  const series = new Series();
  expect(series.nodes).toEqual([]);
  expect(series.now("sessions")).toBeNull();
  expect(series.columns(["sessions"])).toEqual([[], []]);
});
