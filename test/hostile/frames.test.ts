// Invalid and unusual WebSocket frames (RFC 6455 §5): fragmented, endless, too long, with a wrong opcode.
import { expect, test } from "bun:test";
import { publishAt } from "../support/answers.ts";
import { connect } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { bareSocket, clientFrame, type Tcp } from "../support/tcp.ts";
import { unharmed } from "../support/unharmed.ts";

/** Builds a frame with this first byte, masked with zeros. `length` may be wrong. */
function frame(first: number, payload: string | Uint8Array = "", length = [payload.length]): Uint8Array {
  const [short = 0, ...long] = length;
  return Buffer.concat([
    Uint8Array.of(first, 0x80 | short, ...long, 0, 0, 0, 0),
    Buffer.from(payload as string),
  ]);
}
const FIN = 0x80;
const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;
/** A 64-bit length field that ends with these bytes. */
const long = (...bytes: number[]) => [127, ...Array.from({ length: 8 - bytes.length }, () => 0), ...bytes];

/** Sends frames and waits until the connection ends. */
async function endOf(server: TestServer, frames: Iterable<Uint8Array>): Promise<Tcp> {
  const client = await bareSocket(server.port, "/rooms/r");
  for (const each of frames) client.send(each);
  await client.closed;
  return client;
}
/** Matches a close frame with this code in the received bytes. */
const closing = (code: number) => Buffer.from([code >> 8, code & 0xff]).toString("latin1");

const TOO_LONG = 0x7f;
const FATAL: Record<string, Uint8Array[]> = {
  "without a mask": [Uint8Array.of(0x81, 2, 0x68, 0x69)],
  "with the first reserved bit, as if compressed": [frame(0xc0 | TEXT, Uint8Array.of(0xf2, 0x48))],
  "with the second reserved bit": [frame(0xa0 | TEXT, "x")],
  "with the third reserved bit": [frame(0x90 | TEXT, "x")],
  "with a reserved bit in a continuation": [frame(TEXT, "x"), frame(0xc0, "x")],
  ...Object.fromEntries(
    [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map((code) => [`of opcode ${code}`, [frame(FIN | code, "x")]]),
  ),
  "that is a ping of 126 bytes": [frame(0x89, "x".repeat(126), [126, 0, 126])],
  "that is a ping in fragments": [frame(0x09, "x")],
  "that is a close in fragments": [frame(0x08, Uint8Array.of(3, 232))],
  "that is a close of one byte": [frame(0x88, "x")],
  "that is a close with a reserved code": [frame(0x88, Uint8Array.of(3, 236))],
  "that is a close with a reason that is not UTF-8": [frame(0x88, Uint8Array.of(3, 232, 0xff))],
  "that continues no message": [frame(FIN | CONTINUATION, "x")],
  "that begins inside a fragmented message": [frame(TEXT, "x"), frame(FIN | TEXT, "y")],
  "that is not UTF-8": [frame(FIN | TEXT, Uint8Array.of(0xc3, 0x28))],
  "that is not UTF-8 across fragments": [
    frame(TEXT, Uint8Array.of(0xe2, 0x82)),
    frame(FIN, Uint8Array.of(0x28)),
  ],
  "that ends within a character": [frame(TEXT, Uint8Array.of(0xe2)), frame(FIN, Uint8Array.of(0x82))],
  "with half of a surrogate pair": [frame(FIN | TEXT, Uint8Array.of(0xed, 0xa0, 0x80))],
  "of 2⁶³ − 1 bytes": [frame(FIN | BINARY, "x", long(TOO_LONG, 255, 255, 255, 255, 255, 255, 255))],
  "with a negative length": [frame(FIN | BINARY, "x", long(255, 255, 255, 255, 255, 255, 255, 255))],
  "of 4 GiB": [frame(FIN | BINARY, "x", long(1, 0, 0, 0, 0))],
};

test.each(Object.entries(FATAL))("a frame %s ends its connection and is not published", async (_, frames) => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  await unharmed(server, () => endOf(server, frames));
  await publishAt(server, "r", "next");
  expect(await listener.next()).toBe("next");
});

test("a frame that arrives byte by byte is received correctly", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  const euro = "€".repeat(50);
  await unharmed(server, async () => {
    const client = await bareSocket(server.port, "/rooms/r");
    client.socket.setNoDelay(true);
    for (const byte of clientFrame(1, euro)) {
      client.send(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    expect(await listener.next()).toBe(euro);
    client.socket.destroy();
  });
});

test("a frame may be split anywhere", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  const bytes = Buffer.concat([clientFrame(0x9, "p"), clientFrame(1, "x".repeat(130)), clientFrame(2, "€")]);
  await unharmed(server, async () => {
    const client = await bareSocket(server.port, "/rooms/r");
    client.socket.setNoDelay(true);
    for (let at = 1; at < bytes.length; at++) {
      client.send(bytes.subarray(0, at));
      await new Promise(setImmediate);
      client.send(bytes.subarray(at));
      await listener.until((all) => all.length === at * 2);
      expect(listener.all.slice(-2)).toEqual(["x".repeat(130), new TextEncoder().encode("€")]);
    }
    client.socket.destroy();
  });
});

test("one-byte fragments that split characters, with control frames in between, form one message", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  const bytes = Buffer.from("€uro".repeat(300));
  const fragments = [...bytes].flatMap((byte, i) => [
    frame((i === 0 ? TEXT : CONTINUATION) | (i === bytes.length - 1 ? FIN : 0), Uint8Array.of(byte)),
    ...(i % 100 === 0 && i < bytes.length - 1 ? [clientFrame(0x9, "p")] : []),
  ]);
  await unharmed(server, async () => {
    const client = await bareSocket(server.port, "/rooms/r");
    client.send(Buffer.concat(fragments));
    expect(await listener.next()).toBe(String(bytes));
    client.socket.destroy();
  });
});

test.each(["/rooms/r", "/ws?room=r"])(
  "on %s, endless fragments are cut off at a maximum size, and so are fragments whose total is too large",
  async (path) => {
    const server = startServer({ limits: { message: 1000 } });
    await unharmed(server, async () => {
      const client = await bareSocket(server.port, path);
      client.send(frame(TEXT, "x".repeat(100)));
      let ended = false;
      void client.closed.then(() => (ended = true));
      for (let sent = 0; !ended; sent++) {
        expect(sent).toBeLessThan(100_000);
        client.send(frame(CONTINUATION, "x".repeat(100)));
        await new Promise(setImmediate);
      }
      const whole = await bareSocket(server.port, path);
      whole.send(
        Buffer.concat([
          frame(TEXT, "x".repeat(100)),
          ...Array.from({ length: 9 }, () => frame(0, "x".repeat(100))),
          frame(FIN, "x"),
        ]),
      );
      await whole.closed;
      expect(whole.received).toContain(closing(4413));
    });
  },
);

test("endless empty fragments use no memory, and a client that sends nothing else is closed as silent", async () => {
  const server = startServer({ heartbeat: 0.2 });
  await unharmed(server, async () => {
    const client = await bareSocket(server.port, "/rooms/r");
    client.send(frame(TEXT));
    const many = Buffer.concat(Array.from({ length: 1000 }, () => frame(CONTINUATION)));
    let ended = false;
    void client.closed.then(() => (ended = true));
    while (!ended) {
      client.send(many);
      await new Promise(setImmediate);
    }
    expect(client.received).toContain(closing(4408));
  });
});

test("thousands of empty and one-byte messages are published like any others", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  await unharmed(server, async () => {
    const client = await bareSocket(server.port, "/rooms/r");
    client.send(Buffer.concat(Array.from({ length: 10_000 }, (_, i) => clientFrame(1, i % 2 ? "x" : ""))));
    await listener.until((all) => all.length === 10_000);
    expect(new Set(listener.all)).toEqual(new Set(["", "x"]));
    client.socket.destroy();
  });
});

test("a flood of pings is answered or cut off, and uses no memory if the client does not read the pongs", async () => {
  const server = startServer();
  await unharmed(server, async () => {
    const client = await bareSocket(server.port, "/rooms/r");
    client.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => clientFrame(0x9, "x".repeat(125))));
    for (let i = 0; i < 50; i++) {
      client.send(pings);
      await new Promise(setImmediate);
    }
    client.socket.destroy();
  });
});

test("compression is not negotiated by default", async () => {
  const server = startServer();
  const client = await connect(server.socket("/rooms/r"), { perMessageDeflate: true });
  expect(client.ws.extensions).toBe("");
});
