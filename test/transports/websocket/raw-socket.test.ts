// The raw socket: every client frame is a publication, and server frames contain only the data.
import { expect, test } from "bun:test";
import { dataOf, publishAt, stateOf } from "../../support/answers.ts";
import { connect } from "../../support/clients.ts";
import { cleanup } from "../../support/cleanup.ts";
import { startServer } from "../../support/server.ts";

test("text and binary frames are delivered unchanged, even if empty", async () => {
  const server = startServer();
  const [one, other] = [await connect(server.socket("/rooms/r")), await connect(server.socket("/rooms/r"))];
  const frames = ["text", '{"a":1.10}', "", Uint8Array.of(0, 255), new Uint8Array(0), "é🐇\u2028\n"];
  for (const frame of frames) one.send(frame);
  await other.until((all) => all.length === frames.length);
  expect(other.all).toEqual(frames);
});

test("senders receive their own messages only with ?echo=1", async () => {
  const server = startServer();
  const quiet = await connect(server.socket("/rooms/r"));
  const echo = await connect(server.socket("/rooms/r?echo=1"));
  echo.send("from echo");
  expect(await echo.next()).toBe("from echo");
  expect(await quiet.next()).toBe("from echo");
  quiet.send("from quiet");
  expect(await echo.next()).toBe("from quiet");
  await publishAt(server, "r", "from curl");
  expect(await quiet.next()).toBe("from curl");
});

test("a sender that joins with ?last does not receive its own later messages, but a new connection does", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/r?last=5"));
  socket.send("mine");
  await publishAt(server, "r", "theirs");
  expect(await socket.next()).toBe("theirs");
  const again = await connect(server.socket("/rooms/r?last=5"));
  expect([await again.next(), await again.next()]).toEqual(["mine", "theirs"]);
});

test("?last and ?after set the start position", async () => {
  const server = startServer();
  const cursors: string[] = [];
  for (const body of ["1", "2", "3"]) cursors.push(await publishAt(server, "r", body));
  const last = await connect(server.socket("/rooms/r?last=2"));
  expect([await last.next(), await last.next()]).toEqual(["2", "3"]);
  const after = await connect(server.socket(`/rooms/r?after=${cursors[0]}`));
  expect([await after.next(), await after.next()]).toEqual(["2", "3"]);
  const now = await connect(server.socket("/rooms/r"));
  await publishAt(server, "r", "4");
  for (const socket of [last, after, now]) expect(await socket.next()).toBe("4");
});

test("a gap is reported in a text frame before the messages still stored", async () => {
  const server = startServer({ rooms: { r: { history: { count: 1 } } } });
  const first = await publishAt(server, "r", "1");
  const second = await publishAt(server, "r", "2");
  await publishAt(server, "r", "3");
  const socket = await connect(server.socket(`/rooms/r?after=${first}`));
  const notice: unknown = JSON.parse(String(await socket.next()));
  expect(notice).toEqual({ type: "gap", room: "r", after: first, at: second });
  expect(await socket.next()).toBe("3");
});

test("Bun's WebSocket client works", async () => {
  const server = startServer();
  const ws = new WebSocket(server.socket("/rooms/r?echo=1"));
  cleanup(() => ws.close());
  ws.binaryType = "arraybuffer";
  const received: unknown[] = [];
  const both = new Promise<void>((resolve) => {
    ws.onmessage = ({ data }) => {
      received.push(data instanceof ArrayBuffer ? new Uint8Array(data) : data);
      if (received.length === 2) resolve();
    };
  });
  await new Promise((resolve) => (ws.onopen = resolve));
  ws.send("text");
  ws.send(Uint8Array.of(1, 2));
  await both;
  expect(received).toEqual(["text", Uint8Array.of(1, 2)]);
});

test("a raw socket receives only its room's messages", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/a"));
  await publishAt(server, "A", "other");
  await publishAt(server, "a ", "other");
  await publishAt(server, "a", "its own");
  expect(await socket.next()).toBe("its own");
});

test("publications from a raw socket are stored", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/r?echo=1"));
  socket.send("hi");
  await socket.next();
  expect(dataOf(await stateOf(server, "r"))).toEqual(["hi"]);
});

test("a client that closes leaves the room", async () => {
  const server = startServer();
  const [one, other] = [await connect(server.socket("/rooms/r")), await connect(server.socket("/rooms/r"))];
  expect(server.thump.sessionsIn("r")).toBe(2);
  one.ws.close(1000);
  expect((await one.closed).code).toBe(1000);
  expect(server.thump.sessionsIn("r")).toBe(1);
  await publishAt(server, "r", "still here");
  expect(await other.next()).toBe("still here");
});
