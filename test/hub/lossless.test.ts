// Bun silently drops messages for a socket whose buffer is over its limit. No burst may fill a buffer beyond that
// limit.
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
  /** The data is incompressible and the room is compressed, so frames are larger than the data. */
  deflated?: true;
}

// The amount that Bun buffers without counting it is largest at 15,000 bytes: 32 messages of less than 16 KiB.
const VARIANTS: Variant[] = [100, 1_000, 15_000, 16_300, 17_000, 40_000].map((size) => ({ size }));
for (const size of [100, 15_000, 17_000]) VARIANTS.push({ size, deflated: true });

for (const { size, deflated } of VARIANTS) {
  const what = deflated ? "deflated random bytes" : "B";
  test(`a burst of messages of ${size} ${what} in one tick reaches a stalled and a healthy socket completely and in order`, async () => {
    const server = startServer({ rooms: { "*": { ...LARGE, compress: deflated ? { over: 0 } : false } } });
    const stalled = await connect(server.socket("/rooms/burst"));
    const healthy = await connect(server.socket("/rooms/burst"));
    const count = Math.min(20_000, Math.ceil(BURST / size));
    const pad = deflated ? randomBytes(size - 8) : Buffer.alloc(size - 8, "x");
    for (let round = 0; round < 3; round++) {
      stalled.ws.pause();
      for (let i = 0; i < count; i++) publish(round * count + i);
      await healthy.until((frames) => frames.length === (round + 1) * count);
      // In the second round, the socket is only half drained when the next burst starts.
      stalled.ws.resume();
      if (round === 1) await stalled.until((frames) => frames.length > round * count + count / 2);
    }
    await stalled.until((frames) => frames.length === 3 * count);
    for (const socket of [healthy, stalled]) expect(firstDisorder(socket)).toBe(-1);
    expect(healthy.ws.extensions).toBe(deflated ? "permessage-deflate" : "");
    // Bursts of less than about 2.5 MB fit into the kernel's buffers, so the smallest size does not lag.
    if (size > 100) expect(server.thump.hub.stats.lagged).toBeGreaterThan(0);
    // Each delivery is counted once, whether it was live or part of a catch-up.
    expect(server.thump.hub.stats).toMatchObject({ lost: 0, deliveries: 2 * 3 * count });

    function publish(n: number): void {
      const data = Buffer.concat([Buffer.from(String(n).padStart(8, "0")), pad]);
      const content = deflated ? Content.bytes(data) : Content.text(String(data));
      void server.thump.service.publish({ principal: SERVER }, { room: "burst", content });
    }
  });
}

/** The index of the first frame whose number is not its index, or -1. */
function firstDisorder(socket: Socket): number {
  const indexOf = (frame: string | Uint8Array) => Number(Buffer.from(frame.slice(0, 8) as string));
  return socket.all.findIndex((frame, i) => indexOf(frame) !== i);
}

test("a socket that never reads buffers no more than its limit, and the server stores no more than the room's history", async () => {
  const server = startServer({ rooms: { "*": { history: { count: 100, bytes: "1MiB" } } } });
  const before = server.thump.hub.sessions.size;
  const dead = await connect(server.socket("/rooms/flood"));
  dead.ws.pause();
  const reader = await connect(server.socket("/rooms/flood"));
  const [session] = [...server.thump.hub.sessions.values()].slice(before);
  for (let i = 0; i < 200; i++) {
    // Publishes 100 kB per tick, 20 MB in total.
    for (let k = 0; k < 10; k++) await server.thump.publish("flood", `${i * 10 + k} ${"x".repeat(10_000)}`);
    expect(session?.unreadBytes()).toBeLessThanOrEqual(server.thump.socketLimits.limit);
    await reader.until((frames) => frames.length >= (i + 1) * 10);
  }
  // The server does not store unread messages for the socket. When the socket reads again, it gets one gap notice and
  // continues.
  dead.ws.resume();
  await dead.until((frames) => String(frames.at(-1)).startsWith("1999 "));
  const gaps = dead.all.filter((frame) => String(frame).startsWith('{"type":"gap"'));
  expect(gaps.length).toBe(1);
  expect(dead.all.length).toBeLessThan(2000);
  expect(reader.all.length).toBe(2000);
  expect(dead.ws.readyState).toBe(WS.OPEN);
});
