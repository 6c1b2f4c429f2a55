// A running server is backed up, and a second server runs on the restored backup.
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { folder, runProcess } from "../support/process.ts";
import { startServer, type TestServer } from "../support/server.ts";

interface State {
  at: string;
  gap?: unknown;
  messages: { data: number; at: string }[];
}

const read = async (server: TestServer, query: string) =>
  (await (await fetch(server.room("a", query))).json()) as State;

async function publish(server: TestServer, count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect((await server.publish("a", String(i))).status).toBe(201);
}

test("a backup has everything acknowledged before, opens as a data folder, and reports a gap for newer cursors", async () => {
  const dir = folder();
  const place = folder();
  const copy = join(place, "copy.db");
  const server = startServer({ store: { kind: "sqlite", dir } });
  await publish(server, 20);
  const { at } = await read(server, "?last=1");
  const { code, out } = await runProcess(["backup", "--data", dir, copy]);
  expect([code, out]).toEqual([0, expect.stringContaining("copy.db: 20 publications, ")]);
  // The running server is not affected.
  await publish(server, 5);
  expect((await read(server, "?last=100")).messages).toHaveLength(25);

  const restored = join(place, "data");
  mkdirSync(restored);
  copyFileSync(copy, join(restored, "thump.db"));
  const other = startServer({ store: { kind: "sqlite", dir: restored } });
  expect(other.thump.hub.log.epoch).not.toBe(server.thump.hub.log.epoch);
  const { messages } = await read(other, "?last=100");
  expect(messages.map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  // A client with a cursor from the original may have messages that the copy lacks, so it receives a gap notice.
  expect((await read(other, `?after=${at}`)).gap).toBeDefined();
  await publish(other, 1);
  expect((await read(other, "?last=100")).messages).toHaveLength(21);
});

test("a backup that fails reports the reason and leaves no files behind", async () => {
  const dir = folder();
  const copy = join(dir, "copy.db");
  const missing = await runProcess(["backup", "--data", join(dir, "nowhere"), copy]);
  expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("(store-missing)")]);
  expect(existsSync(copy)).toBe(false);
  const server = startServer({ store: { kind: "sqlite", dir } });
  await publish(server, 1);
  expect((await runProcess(["backup", copy], { THUMP_DATA: dir })).code).toBe(0);
  const again = await runProcess(["backup", "--data", dir, copy]);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining("the file already exists")]);
  for (const args of [
    ["backup", copy],
    ["backup", "--data", dir],
    ["backup", "--data", dir, "a", "b"],
  ])
    expect((await runProcess(args)).code).toBe(2);
});
