// Clients that disconnect abruptly, fall silent or violate the protocol: their sessions end, and other sessions
// continue.
import { expect, spyOn, test } from "bun:test";
import { eventually, problemOf, publishAt } from "../support/answers.ts";
import { bystander } from "../support/bystander.ts";
import { connect } from "../support/clients.ts";
import { cleanup } from "../support/cleanup.ts";
import { startServer } from "../support/server.ts";
import { bareSocket, clientFrame, httpAnswer, tcp } from "../support/tcp.ts";

test("a client that disconnects in the middle of a frame leaves the room", async () => {
  const server = startServer();
  const other = await bystander(server, "r");
  for (const path of ["/rooms/r", "/ws?room=r"]) {
    const client = await bareSocket(server.port, path);
    expect(server.thump.sessionsIn("r")).toBe(2);
    client.send(clientFrame(1, "a whole frame of text").subarray(0, 9));
    client.socket.destroy();
    await eventually(() => server.thump.sessionsIn("r") === 1);
    await other.isWell();
  }
});

test("messages sent before a disconnect in the middle of a frame are delivered", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  const client = await bareSocket(server.port, "/rooms/r");
  client.send(Buffer.concat([clientFrame(1, "whole"), clientFrame(1, "half of it").subarray(0, 8)]));
  expect(await listener.next()).toBe("whole");
  client.socket.destroy();
  await publishAt(server, "r", "next");
  expect(await listener.next()).toBe("next");
});

test("a client that disconnects from a stream leaves the room", async () => {
  const server = startServer();
  const other = await bystander(server, "r");
  const stream = await tcp(server.port);
  stream.send("GET /rooms/r HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
  await stream.until("id: ");
  expect(server.thump.sessionsIn("r")).toBe(2);
  stream.socket.destroy();
  await eventually(() => server.thump.sessionsIn("r") === 1);
  await other.isWell();
});

test("a client that disconnects in the middle of a body causes no internal error", async () => {
  const server = startServer();
  const other = await bystander(server, "r");
  const logged = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => logged.mockRestore());
  for (const length of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
    const body = await tcp(server.port);
    body.send(`POST /rooms/r HTTP/1.1\r\nHost: localhost\r\n${length}\r\n\r\n5\r\nhalf `);
    await other.isWell();
    body.socket.destroy();
    await body.closed;
    await other.isWell();
  }
  expect(logged.mock.calls).toEqual([]);
});

test("a client that never answers pings is closed with 4408; a client that does stays", async () => {
  const server = startServer({ heartbeat: 0.1 });
  const other = await bystander(server, "r");
  const silent = await bareSocket(server.port, "/rooms/r");
  await silent.closed;
  // A close frame consists of 0x88, the length, and the code 4408 as two bytes.
  expect(silent.received).toContain(Buffer.from([4408 >> 8, 4408 & 0xff]).toString("latin1"));
  expect(server.thump.sessionsIn("r")).toBe(1);
  await other.isWell();
});

test("a client that neither answers nor reads is cut off", async () => {
  const server = startServer({ heartbeat: 0.1, rooms: { r: { history: { count: 10 } } } });
  const other = await bystander(server, "other");
  const silent = await bareSocket(server.port, "/rooms/r");
  silent.socket.pause();
  const chunk = "x".repeat(60_000);
  while (server.thump.sessionsIn("r") > 0) {
    await server.thump.publish("r", chunk);
    await new Promise(setImmediate);
  }
  await eventually(() => server.thump.hub.sessions.size === 1);
  await other.isWell();
});

test.each([
  ["an unmasked frame", Uint8Array.of(0x81, 0x02, 0x68, 0x69)],
  ["a reserved opcode", clientFrame(0x3, "x")],
  ["a reserved bit", Uint8Array.of(0xf1, 0x80, 0, 0, 0, 0)],
  ["a continuation without a start", clientFrame(0x0, "x")],
  ["text that is not UTF-8", clientFrame(0x1, Uint8Array.of(0xc3, 0x28))],
  ["a ping that is too long", clientFrame(0x9, "x".repeat(126))],
  ["a close with half a code", clientFrame(0x8, "x")],
])("%s ends only that socket", async (_, bytes) => {
  const server = startServer();
  const other = await bystander(server, "r");
  const client = await bareSocket(server.port, "/rooms/r");
  client.send(bytes);
  await client.closed;
  await eventually(() => server.thump.sessionsIn("r") === 1);
  await other.isWell();
});

test("control frames between other frames are answered", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  const client = await bareSocket(server.port, "/rooms/r");
  client.send(Buffer.concat([clientFrame(0x9, "beat"), clientFrame(0x1, "said"), clientFrame(0xa, "")]));
  await client.until("\x8a\x04beat");
  expect(await listener.next()).toBe("said");
});

test("an incomplete handshake is rejected with a specific error", async () => {
  const server = startServer();
  for (const path of ["/rooms/r", "/ws"]) {
    const head = [`GET ${path} HTTP/1.1`, "Host: localhost", "Upgrade: websocket"];
    const answer = await httpAnswer(server.port, head);
    expect(answer).toStartWith("HTTP/1.1 400");
    expect(answer).toContain('"code":"malformed"');
  }
  expect(server.thump.hub.sessions.size).toBe(0);
  expect(await problemOf(fetch(`${server.url}/ws`))).toMatchObject({ code: "unsupported-type" });
});

test("incomplete requests and random bytes do not affect other clients", async () => {
  const server = startServer();
  const other = await bystander(server, "r");
  const slow = await tcp(server.port);
  slow.send("GET /rooms/r HTTP/1.1\r\nHost: loc");
  const noise = await tcp(server.port);
  noise.send(crypto.getRandomValues(new Uint8Array(1000)));
  noise.send("\r\n\r\n");
  await noise.closed;
  await other.isWell();
});
