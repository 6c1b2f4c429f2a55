// The compared servers: each installed server works as its adapter describes, and the check detects deviations.
import { describe, expect, test } from "bun:test";
import type { Adapter } from "../../bench/adapter.ts";
import { check } from "../../bench/peers/check.ts";
import { start } from "../../bench/peers/check/start.ts";
import { control } from "../../bench/peers/control/adapter.ts";
import { adapters } from "../../bench/peers/index.ts";
import { thump } from "../../bench/peers/thump.ts";
import { connect } from "../support/clients.ts";
import { longTests } from "../support/long.ts";
import { testIf } from "../support/skip.ts";

describe("adapters", () => {
  test("names are one word each, and unique", () => {
    const names = adapters.map(({ name }) => name);
    expect(names.slice(0, 1)).toEqual(["control"]);
    expect(names.filter((name) => !/^[a-z][a-z0-9-]*$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  test("each has a dialect for publishing", () => {
    const silent = adapters.filter(({ dialects }) => dialects["publish"]?.publish === undefined);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  const longTest = longTests(adapters.filter((adapter) => adapter.missing() === undefined).length);
  for (const adapter of adapters) {
    const missing = adapter.missing();
    const register = missing === undefined ? longTest : testIf(missing);
    register(`${adapter.name} works with its dialects`, async () => {
      expect(adapter.version?.()).toMatch(/\d+\.\d+/);
      expect(await check(adapter)).not.toBeEmpty();
    });
  }
});

describe("the check detects", () => {
  const { websocket } = control.dialects;
  const broken = (of: Adapter, dialects: Adapter["dialects"]): Adapter => ({
    ...of,
    dialects: { websocket: websocket!, publish: websocket!, ...dialects },
  });

  test("messages from another room", async () => {
    const shared = { ...websocket!, path: "/rooms/one-for-all" };
    const adapter = broken(control, { websocket: shared, publish: shared });
    await expect(check(adapter)).rejects.toThrow("a subscriber of another room received");
  });

  test("duplicate messages", async () => {
    const { "http-batch": batch } = thump.dialects;
    const adapter = broken(thump, { publish: { ...batch!, publish: `${batch!.publish},${batch!.publish}` } });
    await expect(check(adapter)).rejects.toThrow("a subscriber received");
  });

  test("messages with an unexpected envelope", async () => {
    const wrapped = { ...thump.dialects["multiplexed"]!, verbatim: true } as const;
    await expect(check(broken(thump, { websocket: wrapped }))).rejects.toThrow("not verbatim");
  });

  test("a missing cursor", async () => {
    const stream = thump.dialects["event-stream"]!;
    const resume = { ...stream.resume!, before: "cursor: " };
    const adapter = broken(thump, { websocket: { ...stream, resume } });
    await expect(check(adapter)).rejects.toThrow("no cursor after");
  });

  test("a server that does not start", async () => {
    const command = () => [process.execPath, "-e", "console.error('no room here'); process.exit(3)"];
    await expect(check({ ...control, command })).rejects.toThrow("control did not start: no room here");
  });
});

describe("the control", () => {
  test("replays the requested frames first, whatever their size", async () => {
    await using server = await start(control);
    // More than a socket's buffers and the server's limit can hold.
    const [count, size] = [300, 64 * 1024];
    const path = `/rooms/replay?replay=${count}&size=${size}`;
    const socket = await connect(`ws://127.0.0.1:${server.port}${path}`);
    const frames = await socket.until((all) => all.length === count);
    expect(frames.map((frame) => frame.length)).toEqual(Array(count).fill(size));
    expect(frames.map((frame) => Number.parseInt(String(frame)))).toEqual([...Array(count).keys()]);

    const publisher = await connect(`ws://127.0.0.1:${server.port}/rooms/replay`);
    publisher.send("live");
    await socket.until((all) => all.at(-1) === "live");
    expect(publisher.all).toEqual([]);
  });
});
