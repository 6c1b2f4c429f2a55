// Bun drops a message for a socket that is over its limit, without a word: no burst may ever get one there.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import WS from "ws";
import { SERVER } from "../../src/auth/principal.ts";
import { Content } from "../../src/protocol/content.ts";
import { connect, type Socket } from "../support/clients.ts";
import { startServer } from "../support/server.ts";

const BURST = 24 * 1024 * 1024;
const LARGE = { history: { count: 1_000_000, bytes: "1GiB" } };

interface Variant {
  size: number;
  /** Deflated, and of bytes that do not get smaller by it: more leaves than was reserved for the data. */
  deflated?: true;
}

// 15,000 is the size at which what Bun holds back uncounted is largest: 32 messages of under 16 KiB.
const VARIANTS: Variant[] = [100, 1_000, 15_000, 16_300, 17_000, 40_000].map((size) => ({ size }));
for (const size of [100, 15_000, 17_000]) VARIANTS.push({ size, deflated: true });

for (const { size, deflated } of VARIANTS) {
  const what = deflated ? "deflated random bytes" : "B";
  test(`bursts of ${size} ${what} inside one turn reach a stalled and a healthy socket whole and in order`, async () => {
    const server = startServer({ rooms: { "*": { ...LARGE, compress: deflated ? { over: 0 } : false } } });
    const stalled = await connect(server.socket("/rooms/burst"));
    const healthy = await connect(server.socket("/rooms/burst"));
    const count = Math.min(20_000, Math.ceil(BURST / size));
    const pad = deflated ? randomBytes(size - 8) : Buffer.alloc(size - 8, "x");
    for (let round = 0; round < 3; round++) {
      stalled.ws.pause();
      for (let i = 0; i < count; i++) publish(round * count + i);
      await healthy.until((frames) => frames.length === (round + 1) * count);
      // Now and then on a socket that has come some way, and is not empty yet.
      stalled.ws.resume();
      if (round === 1) await stalled.until((frames) => frames.length > round * count + count / 2);
    }
    await stalled.until((frames) => frames.length === 3 * count);
    for (const socket of [healthy, stalled]) expect(firstDisorder(socket)).toBe(-1);
    expect(healthy.ws.extensions).toBe(deflated ? "permessage-deflate" : "");
    // Less than about 2.5 MB a burst fits what the kernel holds for it.
    if (size > 100) expect(server.thump.hub.stats.lagged).toBeGreaterThan(0);
    // Caught up or live, each is counted once.
    expect(server.thump.hub.stats).toMatchObject({ lost: 0, deliveries: 2 * 3 * count });

    function publish(n: number): void {
      const data = Buffer.concat([Buffer.from(String(n).padStart(8, "0")), pad]);
      const content = deflated ? Content.bytes(data) : Content.text(String(data));
      void server.thump.service.publish({ principal: SERVER }, { room: "burst", content });
    }
  });
}

/** The index of the first frame that does not carry its own index; -1 when all do. */
function firstDisorder(socket: Socket): number {
  const indexOf = (frame: string | Uint8Array) => Number(Buffer.from(frame.slice(0, 8) as string));
  return socket.all.findIndex((frame, i) => indexOf(frame) !== i);
}

test("a socket that never reads holds no more than its limit, and the server no more than the tail", async () => {
  const server = startServer({ rooms: { "*": { history: { count: 100, bytes: "1MiB" } } } });
  const before = server.thump.hub.sessions.size;
  const dead = await connect(server.socket("/rooms/flood"));
  dead.ws.pause();
  const reader = await connect(server.socket("/rooms/flood"));
  const [session] = [...server.thump.hub.sessions.values()].slice(before);
  for (let i = 0; i < 200; i++) {
    // 100 kB a turn, 20 MB in all.
    for (let k = 0; k < 10; k++) await server.thump.publish("flood", `${i * 10 + k} ${"x".repeat(10_000)}`);
    expect(session?.unreadBytes()).toBeLessThanOrEqual(server.thump.socketLimits.limit);
    await reader.until((frames) => frames.length >= (i + 1) * 10);
  }
  // What it did not read is not kept for it: when it reads again it is told so, once, and goes on.
  dead.ws.resume();
  await dead.until((frames) => String(frames.at(-1)).startsWith("1999 "));
  const gaps = dead.all.filter((frame) => String(frame).startsWith('{"type":"gap"'));
  expect(gaps.length).toBe(1);
  expect(dead.all.length).toBeLessThan(2000);
  expect(reader.all.length).toBe(2000);
  expect(dead.ws.readyState).toBe(WS.OPEN);
});
