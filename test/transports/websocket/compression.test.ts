// permessage-deflate (RFC 7692): frames are compressed only if a rule enables it, and bombs are rejected.
import { expect, test } from "bun:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { connect, multiplexed } from "../../support/clients.ts";
import { startReloadable } from "../../support/reloadable.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { bareSocket, clientFrame, type Tcp } from "../../support/tcp.ts";

const OFFER = ["Sec-WebSocket-Extensions: permessage-deflate"];
/** FIN, RSV1 and the text opcode (RFC 7692 §7.2.3.1). */
const DEFLATED_TEXT = 0xc1;
const TEXT = 0x81;
const LONG = JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, name: `user ${id}` })));
const ROOMS = { "packed:*": { compress: true }, "all:*": { compress: { over: 0 } } };

/** Reads the next server frame (less than 64 KiB) from a raw connection. */
async function nextFrame(connection: Tcp): Promise<{ head: number; payload: Buffer }> {
  const start = connection.received.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const bytes = Buffer.from(connection.received.slice(start), "latin1");
    const extended = bytes[1] === 126;
    const length = extended ? bytes.readUInt16BE(2) : (bytes[1] ?? Infinity);
    const from = extended ? 4 : 2;
    if (bytes.length >= from + length) {
      connection.received = connection.received.slice(0, start) + bytes.toString("latin1", from + length);
      return { head: bytes[0] ?? 0, payload: bytes.subarray(from, from + length) };
    }
    await connection.more();
  }
}

const inflate = (payload: Buffer) =>
  String(
    inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
      finishFlush: constants.Z_SYNC_FLUSH,
    }),
  );
const deflate = (data: Buffer) =>
  deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, level: 9 }).subarray(0, -4);

test("compression is negotiated only if at least one rule enables it", async () => {
  const [without, with_] = [
    startServer({ rooms: { "*": { compress: false } } }),
    startServer({ rooms: ROOMS }),
  ];
  expect((await connect(without.socket("/rooms/packed:1"))).ws.extensions).toBe("");
  expect((await connect(with_.socket("/rooms/packed:1"))).ws.extensions).toBe("permessage-deflate");
  expect((await connect(with_.socket("/rooms/packed:1"), { perMessageDeflate: false })).ws.extensions).toBe(
    "",
  );
});

test("long frames are compressed if the room's rule enables it; short frames and other rooms' frames are not", async () => {
  const server = startServer({ rooms: ROOMS });
  const [packed, plain, all] = await Promise.all(
    ["packed:1", "plain", "all:1"].map((room) => bareSocket(server.port, `/rooms/${room}`, OFFER)),
  );
  for (const room of ["packed:1", "plain", "all:1"]) {
    await server.publish(room, LONG);
    await server.publish(room, "short");
  }
  const long = await nextFrame(packed as Tcp);
  expect([long.head, inflate(long.payload)]).toEqual([DEFLATED_TEXT, LONG]);
  expect(long.payload.length).toBeLessThan(LONG.length / 4);
  expect(await nextFrame(packed as Tcp)).toEqual({ head: TEXT, payload: Buffer.from("short") });
  for (const text of [LONG, "short"])
    expect(await nextFrame(plain as Tcp)).toEqual({ head: TEXT, payload: Buffer.from(text) });
  await nextFrame(all as Tcp);
  const short = await nextFrame(all as Tcp);
  expect([short.head, inflate(short.payload)]).toEqual([DEFLATED_TEXT, "short"]);
});

test("frames sent during catch-up and members' publications are compressed too", async () => {
  const server = startServer({ rooms: ROOMS });
  const { at } = (await (await server.publish("packed:1", "first")).json()) as { at: string };
  await server.publish("packed:1", LONG);
  const late = await bareSocket(server.port, `/rooms/packed:1?after=${at}`, OFFER);
  const caughtUp = await nextFrame(late);
  expect([caughtUp.head, inflate(caughtUp.payload)]).toEqual([DEFLATED_TEXT, LONG]);
  // This client's frames are compressed too.
  const member = await connect(server.socket("/rooms/packed:1"));
  member.ws.send(`"again"${LONG}`, { compress: true });
  const said = await nextFrame(late);
  expect([said.head, inflate(said.payload)]).toEqual([DEFLATED_TEXT, `"again"${LONG}`]);
  const mux = await multiplexed(server.socket("/ws?room=packed:1&room=plain"));
  await server.publish("packed:1", LONG);
  await server.publish("plain", LONG);
  await mux.until(() => mux.messages().length === 2);
  expect(mux.messages().map(({ data }) => JSON.stringify(data))).toEqual([LONG, LONG]);
});

/** A frame of zeros, which deflate shrinks by a factor of a thousand. */
const bomb = (bytes: number) => clientFrame(0x42, deflate(Buffer.alloc(bytes)));

async function closeCode(server: TestServer, frame: Uint8Array): Promise<number> {
  const connection = await bareSocket(server.port, "/rooms/all:1", OFFER);
  connection.send(frame);
  const { head, payload } = await nextFrame(connection);
  expect(head).toBe(0x88);
  await connection.closed;
  return payload.readUInt16BE(0);
}

test("a frame that would decompress beyond the limit is rejected without allocating the memory", async () => {
  const server = startServer({ rooms: ROOMS });
  const bystander = await connect(server.socket("/rooms/all:2"));
  // A frame slightly above the limit is read and gets a specific error. Above four times the limit, decompression
  // stops.
  expect(await closeCode(server, bomb(70_000))).toBe(4413);
  expect(await closeCode(server, bomb(300_000))).toBe(1009);
  const before = process.memoryUsage.rss();
  const bombs = 40;
  const large = bomb(50_000_000);
  for (let i = 0; i < bombs; i++) expect(await closeCode(server, large)).toBe(1009);
  // Decompressed, they would take 2 GB.
  expect(process.memoryUsage.rss() - before).toBeLessThan(200e6);
  expect(await closeCode(server, clientFrame(0x42, Buffer.from([1, 2, 3, 4, 5])))).toBe(1007);
  await server.publish("all:2", "still here");
  expect(await bystander.next()).toBe("still here");
  expect(server.thump.hub.sessions.size).toBe(1);
});

test("a compressed frame without negotiation ends only its own connection", async () => {
  const server = startServer();
  const bystander = await connect(server.socket("/rooms/r"));
  const connection = await bareSocket(server.port, "/rooms/r", OFFER);
  connection.send(bomb(1000));
  await connection.closed;
  await server.publish("r", "still here");
  expect(await bystander.next()).toBe("still here");
});

test("a reload changes which rooms are compressed; the first rule with compression takes effect after a restart", async () => {
  const off = await startReloadable({ rooms: {} });
  const socket = await connect(`ws://127.0.0.1:${off.port}/rooms/r`);
  const lines = await off.reload({ rooms: { r: { compress: { over: 0 } } } });
  expect(lines).toMatchObject([{ changed: "rooms" }, { level: "WARN", restart: "compression" }]);
  await fetch(`${off.url}/rooms/r`, { method: "POST", body: LONG });
  expect(await socket.next()).toBe(LONG);

  const on = await startReloadable({ rooms: { a: { compress: { over: 0 } } } });
  const room = await bareSocket(on.port, "/rooms/r", OFFER);
  expect(await on.reload({ rooms: { r: { compress: { over: 0 } } } })).toMatchObject([{ changed: "rooms" }]);
  await fetch(`${on.url}/rooms/r`, { method: "POST", body: LONG });
  expect(await nextFrame(room)).toMatchObject({ head: DEFLATED_TEXT });
});
