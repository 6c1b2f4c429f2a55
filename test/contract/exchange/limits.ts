// Limits on rates, sessions, rooms, sizes and times, and the close codes that they cause.
import { claims, SECRET, token } from "../../support/tokens.ts";
import { freePort } from "../../durable/port.ts";
import { JSON_TYPE, NDJSON, start } from "./server.ts";
import type { Recorder } from "./recorder.ts";
import { RecordedSocket, UPGRADE } from "./socket.ts";
import { send } from "./http.ts";
import { RecordedStream } from "./stream.ts";

/** A rate so low that the bucket never refills during a test. */
const NEVER = { rate: 0.001, burst: 1 };

export async function limits(): Promise<string> {
  return [
    await sizes(),
    await sessions(),
    await rooms(),
    await rates(),
    await floods(),
    await heartbeats(),
    await slow(),
    await remote(),
  ].join("");
}

async function sizes(): Promise<string> {
  const { recorder } = await start({
    limits: { message: "1KiB", body: "2KiB", rooms: 2, bodyTime: "1s" },
  });
  await recorder.learnEpoch();
  recorder.part("sizes");
  await recorder.http("POST", "/rooms/a", { body: "x".repeat(1025) });
  await recorder.http("POST", "/publish", { headers: JSON_TYPE, body: `["${"x".repeat(2048)}"]` });
  await recorder.http("POST", "/publish", {
    headers: JSON_TYPE,
    body: JSON.stringify([{ room: "a", data: "x".repeat(1100) }]),
  });
  await recorder.http("GET", "/events?room=a&room=b&room=c");
  await recorder.http("POST", "/events", {
    headers: JSON_TYPE,
    body: '[{"room":"a"},{"room":"b"},{"room":"c"}]',
  });
  const socket = await RecordedSocket.open(recorder, "socket", "/ws?room=a&room=b");
  await socket.next(3);
  await socket.ask({ type: "join", id: 1, room: "c" });
  await socket.ask({ type: "publish", id: 2, room: "a", data: "x".repeat(900) });
  socket.send(`{"type":"publish","room":"a","data":"${"x".repeat(1024)}"}`);
  await socket.closed();

  recorder.part("a body that does not arrive");
  const stalled = await recorder.open("POST", "/rooms/a", { headers: { "content-length": "10" }, body: "x" });
  await stalled.ended;
  recorder.note(`  ${stalled.text}`);
  return recorder.text;
}

async function sessions(): Promise<string> {
  const { recorder } = await start({ limits: { sessions: 1 } });
  recorder.part("as many sessions as there may be");
  const one = await RecordedSocket.open(recorder, "one", "/rooms/a");
  await everyWayIn(recorder, "a", {});
  await recorder.http("HEAD", "/events?room=a");
  await one.close();
  return recorder.text;
}

async function rooms(): Promise<string> {
  const { recorder } = await start({
    open: true,
    proxies: ["loopback"],
    limits: { roomsInUse: 2, roomsPerAddress: 1 },
  });
  await recorder.learnEpoch();
  recorder.part("as many rooms as there may be");
  const here = { "x-forwarded-for": "203.0.113.9" };
  const one = await RecordedSocket.open(recorder, "one", "/ws", { headers: here });
  await one.next();
  for (const [id, room] of ["a", "b"].entries()) await one.command({ type: "join", id, room });
  await one.next(2);
  await one.ask({ type: "publish", id: 3, room: "b", data: 1 });
  await recorder.http("POST", "/rooms/b", { headers: here, body: "1" });
  await recorder.http("POST", "/publish", {
    headers: { ...here, ...JSON_TYPE },
    body: '[{"room":"b","data":1}]',
  });
  await everyWayIn(recorder, "b", here);
  await one.close();
  return recorder.text;
}

/** Records the responses to streams, polls and sockets that try to join a room and fail. */
async function everyWayIn(recorder: Recorder, room: string, headers: Record<string, string>): Promise<void> {
  for (const accept of ["text/event-stream", NDJSON])
    await recorder.http("GET", `/rooms/${room}`, { headers: { accept, ...headers } });
  await recorder.http("GET", `/events?room=${room}`, { headers });
  const stream = await recorder.open("POST", "/events", {
    headers: { ...JSON_TYPE, ...headers },
    body: `[{"room":"${room}"}]`,
  });
  if (stream.status === 200) {
    await new RecordedStream(recorder, "multiplexed", stream, "\n\n").next(2);
    stream.close();
  } else {
    await stream.ended;
    recorder.note(`  ${stream.text}`);
  }
  await recorder.http("GET", `/rooms/${room}?wait=5`, { headers });
  for (const path of [`/rooms/${room}`, `/ws?room=${room}`])
    await recorder.http("GET", path, { headers: { ...UPGRADE, ...headers } });
}

async function rates(): Promise<string> {
  const { recorder } = await start({
    limits: {
      rates: {
        session: { requests: NEVER, joins: NEVER, publishes: NEVER },
        user: { connects: NEVER, requests: NEVER, joins: NEVER, publishes: NEVER },
      },
    },
    access: { secrets: [SECRET] },
    rooms: { "open:*": { join: "anyone", publish: "anyone" } },
  });
  const headersOf = (user: string) => {
    const made = token(claims({ sub: user }));
    recorder.hide(made, `<token ${user}>`);
    return { authorization: `Bearer ${made}` };
  };
  await recorder.learnEpoch({}, "open:epoch");
  recorder.part("rates");
  for (const twice of [1, 2])
    await recorder.http("POST", "/rooms/open:a", { headers: headersOf("u1"), body: `publish ${twice}` });
  for (const user of ["u2", "u2", "u2"])
    await recorder.http("POST", "/publish", {
      headers: { ...headersOf(user), ...JSON_TYPE },
      body: '[{"room":"open:a","data":1},{"room":"open:a","data":2}]',
    });
  for (const user of ["u3", "u3"]) {
    const reply = await recorder.open("GET", "/rooms/open:a?last=0", { headers: headersOf(user) });
    await reply.ended;
  }
  await recorder.http("GET", "/rooms/open:a", {
    headers: { accept: "text/event-stream", ...headersOf("u3") },
  });
  await recorder.http("GET", "/events?room=open:a", { headers: headersOf("u3") });
  await recorder.http("GET", "/rooms/open:a", { headers: { accept: NDJSON, ...headersOf("u3") } });
  const socket = await RecordedSocket.open(recorder, "socket", "/ws");
  await socket.next();
  for (const id of [1, 2]) await socket.ask({ type: "join", id, room: `open:${id}` });
  for (const id of [3, 4]) await socket.ask({ type: "publish", id, room: "open:1", data: id });
  await socket.ask({ type: "publish", id: 5, room: "open:1", data: 5, ordered: true, key: "k5" });
  await socket.ask({ type: "publish", id: 6, room: "open:1", data: 6, ordered: true, key: "k6" });
  await socket.ask({ type: "ping", id: 7 });
  await socket.ask({ type: "history", id: 8, room: "open:1" });
  await socket.ask({ type: "members", id: 9, room: "open:1" });
  await socket.close();
  return recorder.text;
}

async function floods(): Promise<string> {
  const { recorder } = await start({ limits: { rates: { session: { publishes: NEVER } } } });
  recorder.part("a session that ignores its limit");
  const mux = await RecordedSocket.open(recorder, "mux", "/ws");
  await mux.next();
  for (let i = 0; i < 300; i++) mux.ws.send('{"type":"publish","room":"a","data":1}');
  await mux.closed(true);
  const raw = await RecordedSocket.open(recorder, "raw", "/rooms/a");
  for (let i = 0; i < 300; i++) raw.ws.send("1");
  await raw.closed(true);
  return recorder.text;
}

async function heartbeats(): Promise<string> {
  const { recorder } = await start({ heartbeat: "1s" });
  await recorder.learnEpoch();
  recorder.part("heartbeats");
  const silent = await RecordedSocket.open(recorder, "silent", "/ws", { autoPong: false });
  await silent.next();
  const events = await RecordedStream.open(recorder, "events", "/rooms/a");
  const lines = await RecordedStream.open(recorder, "lines", "/rooms/a", { accept: NDJSON });
  const multiplexed = await RecordedStream.open(recorder, "multiplexed", "/events", {
    method: "POST",
    headers: JSON_TYPE,
    body: '[{"room":"a"}]',
  });
  await events.next(3);
  events.reply.close();
  await lines.next(2);
  lines.reply.close();
  await multiplexed.next(4);
  multiplexed.reply.close();
  await silent.closed();
  return recorder.text;
}

/** Records how the server closes a client that does not read, under `lag: "disconnect"`. */
async function slow(): Promise<string> {
  const { recorder } = await start({ rooms: { "strict:*": { lag: "disconnect" } } });
  recorder.part("a client that does not read");
  const socket = await RecordedSocket.open(recorder, "socket", "/rooms/strict:a");
  socket.ws.pause();
  const body = "x".repeat(60_000);
  for (;;) {
    for (let i = 0; i < 20; i++) {
      const reply = await send(recorder.port, "POST", "/rooms/strict:a", { body });
      await reply.ended;
    }
    const room = await send(recorder.port, "GET", "/rooms/strict:a?last=0");
    await room.ended;
    if (room.text.includes('"sessions":0')) break;
  }
  socket.ws.resume();
  await socket.closed(true);
  return recorder.text;
}

/** Records the errors when keys cannot be fetched. */
async function remote(): Promise<string> {
  const { recorder } = await start({ access: { jwks: `http://127.0.0.1:${freePort()}/keys` } });
  const made = token(claims(), SECRET, "HS256", {});
  const [, payload = "", signature = ""] = made.split(".");
  const header = Buffer.from('{"alg":"RS256","kid":"k1"}').toString("base64url");
  const foreign = `${header}.${payload}.${signature}`;
  recorder.hide(foreign, "<token>");
  recorder.part("keys that cannot be fetched");
  const headers = { authorization: `Bearer ${foreign}` };
  await recorder.http("GET", "/rooms/a", { headers });
  await recorder.http("GET", "/rooms/a", { headers: { accept: "text/event-stream", ...headers } });
  await recorder.http("GET", "/events?room=a", { headers });
  await recorder.http("GET", "/rooms/a", { headers: { accept: NDJSON, ...headers } });
  await recorder.http("POST", "/rooms/a", { headers, body: "x" });
  await recorder.http("GET", "/ws", { headers });
  return recorder.text;
}
