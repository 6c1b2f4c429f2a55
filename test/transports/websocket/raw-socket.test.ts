// The raw socket: a frame in is a publication, a frame out is its data, with nothing around it.
import { expect, test } from "bun:test";
import { dataOf, publishAt, stateOf } from "../../support/answers.ts";
import { connect } from "../../support/clients.ts";
import { cleanup } from "../../support/cleanup.ts";
import { startServer } from "../../support/server.ts";

test("text and binary frames come out as they went in, empty ones too", async () => {
  const server = startServer();
  const [one, other] = [await connect(server.socket("/rooms/r")), await connect(server.socket("/rooms/r"))];
  const frames = ["text", '{"a":1.10}', "", Uint8Array.of(0, 255), new Uint8Array(0), "é🐇\u2028\n"];
  for (const frame of frames) one.send(frame);
  await other.until((all) => all.length === frames.length);
  expect(other.all).toEqual(frames);
});

test("the sender does not get its own back, but with ?echo=1 it does", async () => {
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

test("a sender that resumes is not shown what it published on this connection, others' it is", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/r?last=5"));
  socket.send("mine");
  await publishAt(server, "r", "theirs");
  expect(await socket.next()).toBe("theirs");
  const again = await connect(server.socket("/rooms/r?last=5"));
  expect([await again.next(), await again.next()]).toEqual(["mine", "theirs"]);
});

test("?last and ?after say where it begins", async () => {
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

test("a gap is told as a text frame, before what is still there", async () => {
  const server = startServer({ rooms: { r: { history: { count: 1 } } } });
  const first = await publishAt(server, "r", "1");
  const second = await publishAt(server, "r", "2");
  await publishAt(server, "r", "3");
  const socket = await connect(server.socket(`/rooms/r?after=${first}`));
  const notice: unknown = JSON.parse(String(await socket.next()));
  expect(notice).toEqual({ type: "gap", room: "r", after: first, at: second });
  expect(await socket.next()).toBe("3");
});

test("Bun's own WebSocket is a client like any other", async () => {
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

test("it hears its own room alone", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/a"));
  await publishAt(server, "A", "other");
  await publishAt(server, "a ", "other");
  await publishAt(server, "a", "its own");
  expect(await socket.next()).toBe("its own");
});

test("what it publishes is kept like anything else", async () => {
  const server = startServer();
  const socket = await connect(server.socket("/rooms/r?echo=1"));
  socket.send("hi");
  await socket.next();
  expect(dataOf(await stateOf(server, "r"))).toEqual(["hi"]);
});

test("a client that closes is gone from the room", async () => {
  const server = startServer();
  const [one, other] = [await connect(server.socket("/rooms/r")), await connect(server.socket("/rooms/r"))];
  expect(server.thump.sessionsIn("r")).toBe(2);
  one.ws.close(1000);
  expect((await one.closed).code).toBe(1000);
  expect(server.thump.sessionsIn("r")).toBe(1);
  await publishAt(server, "r", "still here");
  expect(await other.next()).toBe("still here");
});
