// When the disk is full, publishing fails with an error code, acknowledged messages stay readable, and the server
// recovers by itself.
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, type TestServer } from "../support/server.ts";
import { folder } from "../support/process.ts";
import { noDisk, smallDisk } from "./disk.ts";
import { testIf } from "../support/skip.ts";

const ROOMS = {
  "mem:*": { history: { store: "memory" } },
  "*": { history: { count: 100_000, bytes: "1GiB" } },
} as const;
const BODY = "x".repeat(10_000);

interface Fill {
  acked: string[];
  refused: { code: string; detail: string; retry: number };
}

/** Publishes until a publication is refused. */
async function fill(server: TestServer, room: string): Promise<Fill> {
  const acked: string[] = [];
  for (;;) {
    const answer = await server.publish(room, BODY);
    const body = (await answer.json()) as { at: string } & Fill["refused"];
    if (answer.status === 201) acked.push(body.at);
    else {
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toBe("1");
      return { acked, refused: body };
    }
    if (acked.length > 2000) throw new Error("it never was full");
  }
}

/** Reads all stored messages of a room, in several requests. */
async function read(server: TestServer, room: string): Promise<string[]> {
  const all: string[] = [];
  for (let after = `${server.thump.hub.log.epoch}-0`, more = true; more;) {
    const answer = await fetch(server.room(room, `?after=${after}`));
    expect(answer.status).toBe(200);
    const page = (await answer.json()) as { at: string; more?: true; messages: { at: string }[] };
    all.push(...page.messages.map(({ at }) => at));
    more = page.more ?? false;
    after = page.at;
  }
  return all;
}

const ready = async (server: TestServer) => (await fetch(`${server.url}/readyz`)).status;

/** Checks the behavior of a server with a full disk. */
async function expectFull(server: TestServer, { acked, refused }: Fill): Promise<void> {
  expect(refused).toMatchObject({ code: "unavailable", retry: 1000 });
  expect(refused.detail).toContain("the disk is full");
  expect(refused.detail).not.toContain("/");
  expect(await ready(server)).toBe(503);
  expect(await read(server, "a")).toEqual(acked);
  // Rooms in memory still accept publications.
  expect((await server.publish("mem:a", "x")).status).toBe(201);
}

async function expectWell(server: TestServer, { acked }: Fill): Promise<void> {
  while ((await ready(server)) !== 200) await Bun.sleep(20);
  const answer = await server.publish("a", "again");
  expect(answer.status).toBe(201);
  const { at } = (await answer.json()) as { at: string };
  expect(await read(server, "a")).toEqual([...acked, at]);
}

test("a file at its maximum size: deleting a room's history frees space", async () => {
  const server = startServer({ rooms: ROOMS, store: { kind: "sqlite", dir: folder(), size: "1MiB" } });
  await server.publish("other", BODY.repeat(3));
  for (let i = 0; i < 20; i++) await server.publish("other", BODY.repeat(3));
  const full = await fill(server, "a");
  await expectFull(server, full);
  const forgotten = await fetch(server.room("other") + "/history", { method: "DELETE" });
  expect(forgotten.status).toBe(204);
  await expectWell(server, full);
});

testIf(noDisk)("a full disk", async () => {
  const disk = smallDisk("4m");
  const filler = join(disk, "filler");
  const server = startServer({ rooms: ROOMS, store: { kind: "sqlite", dir: join(disk, "data") } });
  expect((await server.publish("a", BODY)).status).toBe(201);
  writeFileSync(filler, new Uint8Array(2 << 20));
  const first = (await read(server, "a"))[0]!;
  const full = await fill(server, "a");
  full.acked.unshift(first);
  await expectFull(server, full);
  rmSync(filler);
  await expectWell(server, full);
});
