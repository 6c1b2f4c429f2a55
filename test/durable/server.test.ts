// A server with a data folder, as clients see it: options, metrics, changed rules, and a restart.
import { expect, test } from "bun:test";
import { readOptions } from "../../src/server/config/command-line.ts";
import { reload } from "../../src/server/reload.ts";
import { checkOptions } from "../../src/server/config/options-schema.ts";
import { resolveOptions } from "../../src/server/config/settings.ts";
import { flagsOf } from "../support/flags.ts";
import { openEvents } from "../support/streams.ts";
import { folder } from "../support/process.ts";
import { startServer } from "../support/server.ts";

const read = async (args: string[], env: Record<string, string> = {}) =>
  resolveOptions(await readOptions(await flagsOf(args), env, folder())).store;

test("a folder is set by a flag or the environment, and the server reports its durability", async () => {
  expect(await read([])).toEqual({ kind: "memory" });
  const normal = { kind: "sqlite", durability: "normal", size: undefined } as const;
  expect(await read(["--data", "d"])).toEqual({ ...normal, dir: "d" });
  expect(await read([], { THUMP_DATA: "e" })).toEqual({ ...normal, dir: "e" });
  expect(await read(["--data", "d"], { THUMP_DATA: "e", THUMP_DURABILITY: "fsync" })).toEqual({
    ...normal,
    dir: "d",
    durability: "fsync",
  });
  expect(await read(["--durability", "fsync"], { THUMP_DATA: "e" })).toMatchObject({
    dir: "e",
    durability: "fsync",
  });
  const wrong = read(["--data", "d", "--durability", "maybe"]);
  await expect(wrong).rejects.toThrow('store › durability must be "normal" or "fsync"');
  for (const [store, why] of [
    [{ kind: "sqlite" }, "store › dir is required"],
    [{ kind: "memory", dir: "d" }, 'store › dir does not apply to kind "memory"'],
  ] as const)
    expect(() => checkOptions({ store }, "here")).toThrow(why);
});

test("metrics include the publications per commit and the file size", async () => {
  const server = startServer({ store: { kind: "sqlite", dir: folder() } });
  await Promise.all(Array.from({ length: 50 }, (_, i) => server.publish("a", String(i))));
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string) =>
    Number(new RegExp(`^${name.replace(/[{}]/g, "\\$&")} (\\S+)$`, "m").exec(text)?.[1]);
  expect(value("thump_store_publications_total")).toBe(50);
  expect(value('thump_store_commits_total{result="kept"}')).toBeGreaterThan(0);
  expect(value("thump_store_commit_seconds_count")).toBe(value('thump_store_commits_total{result="kept"}'));
  expect(value('thump_store_bytes{file="wal"}')).toBeGreaterThan(0);
  expect(value("thump_store_rooms_loaded")).toBe(1);
  expect(value("thump_store_fault")).toBe(0);
  expect(value("thump_log_append_seconds_count")).toBe(50);
});

test("without a data folder, these metrics do not exist", async () => {
  const server = startServer();
  expect(await (await fetch(`${server.url}/metrics`)).text()).not.toContain("thump_store");
});

test("after a restart, a stream resumes rooms in the file and in memory, with a gap notice for lost messages", async () => {
  const options = {
    rooms: { mem: { history: { store: "memory" } } },
    store: { kind: "sqlite", dir: folder() },
  } as const;
  const first = startServer(options);
  const stream = await openEvents(`${first.url}/events?room=kept&room=mem`);
  await first.publish("kept", "1");
  await first.publish("mem", "2");
  const [event] = await stream.events.until((events) => events.length === 2);
  await first.publish("kept", "3");
  await first.stop();
  const second = startServer(options);
  await second.publish("mem", "4");
  await second.publish("kept", "5");
  const back = await openEvents(`${second.url}/events?room=kept&room=mem`, {
    "last-event-id": event?.id ?? "",
  });
  const events = await back.events.until((all) => all.length === 4);
  const told = events.map(({ event, data }) => {
    const { room, data: value } = JSON.parse(data) as { room: string; data?: number };
    return event === "thump:gap" ? `gap in ${room}` : `${room} ${value}`;
  });
  expect(told).toEqual(["gap in mem", "kept 3", "mem 4", "kept 5"]);
});

test("a reload may move rooms into or out of the file while clients are connected", async () => {
  const dir = folder();
  const store = { kind: "sqlite", dir } as const;
  const inMemory = { a: { history: { store: "memory" } } } as const;
  const server = startServer({ store, rooms: inMemory });
  const stream = await openEvents(server.room("a"));
  await server.publish("a", "1");
  const settings = resolveOptions({ store, port: 0, demo: false, console: false, drain: 0 });
  expect(reload(server.thump, settings)).toEqual({ changed: ["rooms"], restart: [] });
  await server.publish("a", "2");
  reload(server.thump, { ...settings, rooms: { ...inMemory } });
  await server.publish("a", "3");
  const events = await stream.events.until((all) => all.length === 3);
  expect(events.map(({ data }) => data)).toEqual(["1", "2", "3"]);
  // When a room's store changes from memory back to the file, its messages in memory become a gap, even for connected
  // clients.
  const before = `${server.thump.hub.log.epoch}-${server.thump.hub.log.last - 1}`;
  reload(server.thump, settings);
  stream.abort();
  await server.publish("a", "4");
  const back = await openEvents(server.room("a"), { "last-event-id": before });
  const [gap, next] = await back.events.until((all) => all.length === 2);
  expect([gap?.event, next?.data]).toEqual(["thump:gap", "4"]);
  const asked = reload(server.thump, { ...server.thump.settings, store: { kind: "memory" } });
  expect(asked.restart).toEqual(["store"]);
});
