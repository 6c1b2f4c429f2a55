// Raw and multiplexed sockets on an open server: every command, every frame, and rejected input.
import { cursorOf, FOREIGN, JSON_TYPE, start } from "./server.ts";
import type { Recorder } from "./recorder.ts";
import { RULES } from "./rooms.ts";
import { RecordedSocket, UPGRADE } from "./socket.ts";
import { send } from "./http.ts";

export async function sockets(): Promise<string> {
  const { recorder } = await start({ rooms: RULES, heartbeat: "25s" });
  await recorder.learnEpoch();
  await handshakes(recorder);
  await raw(recorder);
  await multiplexed(recorder);
  await refusedCommands(recorder);
  await presence(recorder);
  await ended(recorder);
  return recorder.text;
}

async function publish({ port }: Recorder, room: string, body: string): Promise<string> {
  const reply = await send(port, "POST", `/rooms/${room}`, { body, headers: JSON_TYPE });
  await reply.ended;
  return cursorOf(reply);
}

async function handshakes(recorder: Recorder): Promise<void> {
  recorder.part("handshakes");
  for (const [path, headers] of [
    ["/ws", {}],
    ["/rooms/a", UPGRADE],
    ["/ws", UPGRADE],
    ["/ws", { ...UPGRADE, "sec-websocket-protocol": "thump" }],
    ["/ws", { ...UPGRADE, "sec-websocket-protocol": "bearer.nonsense" }],
    ["/ws", { ...UPGRADE, "sec-websocket-extensions": "permessage-deflate" }],
    ["/ws", { ...UPGRADE, connection: "close" }],
    ["/ws", { ...UPGRADE, "sec-websocket-key": "short" }],
    ["/ws", { ...UPGRADE, "sec-websocket-version": "12" }],
    ["/ws", { ...UPGRADE, "content-length": "1" }],
    ["/ws", { ...UPGRADE, origin: "https://evil.example" }],
    ["/ws?after=nonsense", UPGRADE],
    ["/ws?max=0", UPGRADE],
    ["/ws?room=closed:a", UPGRADE],
    ["/ws?unknown=1", UPGRADE],
    ["/rooms/closed:a", UPGRADE],
    ["/rooms/a?presence=1", UPGRADE],
    ["/rooms/a?after=nonsense", UPGRADE],
  ] as [string, Record<string, string>][]) {
    const reply = await recorder.open("GET", path, { headers });
    if (reply.status === 101) reply.close();
    else {
      await reply.ended;
      recorder.note(`  ${reply.text}`);
    }
  }
}

async function raw(recorder: Recorder): Promise<void> {
  recorder.part("a raw socket");
  const a = await RecordedSocket.open(recorder, "a", "/rooms/raw");
  const b = await RecordedSocket.open(recorder, "b", "/rooms/raw?echo=1");
  a.send('{"a": 1.10}');
  await b.next();
  a.send("text");
  await b.next();
  a.send(new Uint8Array([0, 255]));
  await b.next();
  a.send("");
  await b.next();
  b.send("echoed");
  await a.next();
  await b.next();
  await publish(recorder, "raw", "5");
  await a.next();
  await b.next();
  await recorder.http("GET", "/rooms/raw");
  await a.close();
  await b.close();

  recorder.part("a raw socket resumes");
  const at = await publish(recorder, "raw", "6");
  await publish(recorder, "raw", "7");
  const back = await RecordedSocket.open(recorder, "back", `/rooms/raw?after=${at}`);
  await back.next();
  await back.close();
  const last = await RecordedSocket.open(recorder, "last", "/rooms/raw?last=2");
  await last.next(2);
  await last.close();
  const gap = await RecordedSocket.open(recorder, "gap", `/rooms/raw?last=1&after=${FOREIGN}`);
  await gap.next(2);
  await gap.close();

  recorder.part("a raw socket's frames are refused");
  const typed = await RecordedSocket.open(recorder, "typed", "/rooms/typed:1");
  typed.send('{"n":"x"}');
  await typed.next();
  const closed = await RecordedSocket.open(recorder, "closed", "/rooms/server:1");
  closed.send("1");
  await closed.next();
  const inside = await RecordedSocket.open(recorder, "inside", "/rooms/inside:1?echo=1");
  inside.send("1");
  await inside.next();
  for (const socket of [typed, closed, inside]) await socket.close();
}

async function multiplexed(recorder: Recorder): Promise<void> {
  recorder.part("the multiplexed socket");
  const a = await RecordedSocket.open(recorder, "a", "/ws");
  await a.next();
  await a.ask({ type: "join", id: 1, room: "m1" });
  const b = await RecordedSocket.open(recorder, "b", "/ws?room=m1&room=m2");
  await b.next(3);
  await a.ask({ type: "publish", id: 2, room: "m1", data: { x: 1 } });
  await b.next();
  await a.ask({ type: "publish", id: "three", room: "m1", event: "named", data: "text", echo: true }, 1);
  await b.next();
  a.send('{"type":"publish","id":12345678901234567890,"room":"m1","data":{"b":1, "a":1.10},"key":"k1"}');
  await a.next();
  await b.next();
  await a.ask({ type: "publish", id: 4, room: "m1", data: { b: 1, a: 2 }, key: "k1" });
  await a.ask({ type: "publish", id: 5, room: "m1", data: "AP8=", encoding: "base64" });
  await b.next();
  await a.ask({ type: "publish", id: 6, room: "m1" });
  await b.next();
  a.command({ type: "publish", room: "m1", data: "without an id" });
  await b.next();
  await a.ask({ type: "publish", id: 7, room: "m2", data: 1, ordered: true, key: "o1" });
  await b.next();
  await a.ask({ type: "history", id: 8, room: "m1" });
  await a.ask({ type: "history", id: 9, room: "m1", last: 1 });
  await a.ask({ type: "history", id: 10, room: "m1", after: FOREIGN, last: 1 });
  await a.ask({ type: "members", id: 11, room: "m1" });
  await a.ask({ type: "ping", id: 12 });
  await a.ask({ type: "ping" });
  await a.ask({ type: "auth", id: 13, token: "nonsense" });
  await a.ask({ type: "leave", id: 14, room: "m1" });
  await a.ask({ type: "leave", id: 15, room: "m1" });
  await a.close();
  await b.close();

  recorder.part("the multiplexed socket resumes");
  const at = await publish(recorder, "m1", "1");
  await publish(recorder, "m1", "2");
  const c = await RecordedSocket.open(recorder, "c", "/ws");
  await c.next();
  await c.ask({ type: "join", id: 1, room: "m1", after: at }, 1);
  await c.ask({ type: "leave", id: 2, room: "m1" });
  await c.ask({ type: "join", id: 3, room: "m1", last: 1 }, 1);
  await c.ask({ type: "leave", id: 4, room: "m1" });
  await c.ask({ type: "join", id: 5, room: "m3", after: FOREIGN }, 1);
  await publish(recorder, "few:m", "1");
  await publish(recorder, "few:m", "2");
  await publish(recorder, "few:m", "3");
  await c.ask({ type: "join", id: 6, room: "few:m", last: 9 }, 3);
  await c.ask({ type: "join", id: 7, room: "m4", max: 1 });
  await c.ask({ type: "ping", id: 8 });
  await c.close();
  const d = await RecordedSocket.open(recorder, "d", `/ws?room=m1&after=${at}`);
  await d.next(3);
  await d.close();
}

async function refusedCommands(recorder: Recorder): Promise<void> {
  recorder.part("commands that are refused");
  const frames = [
    "{",
    "[]",
    "5",
    "{}",
    '{"type":"jump","id":1}',
    '{"type":"join","id":2}',
    '{"type":"join","id":3,"room":5}',
    '{"type":"join","id":4,"room":""}',
    '{"type":"join","id":5,"room":"a","last":-1}',
    '{"type":"join","id":6,"room":"a","max":0}',
    '{"type":"join","id":7,"room":"a","after":"nonsense"}',
    '{"type":"join","id":8,"room":"closed:a"}',
    '{"type":"join","id":9,"room":"thump:none"}',
    '{"type":"publish","id":10,"room":"server:1","data":1}',
    '{"type":"publish","id":11,"room":"typed:1","data":{"n":"x"}}',
    '{"type":"publish","id":12,"room":"a","event":"thump:x"}',
    '{"type":"publish","id":13,"room":"a","data":"?","encoding":"base64"}',
    '{"type":"publish","id":14,"room":"a","data":5,"encoding":"base64"}',
    '{"type":"publish","id":15,"room":"a","data":1,"encoding":"hex"}',
    '{"type":"publish","id":16,"room":"a","data":1,"ordered":true}',
    '{"type":"publish","id":17,"room":"inside:1","data":1}',
    '{"type":"history","id":18,"room":"unread:1"}',
    '{"type":"history","id":19,"room":"closed:1"}',
    '{"type":"members","id":20,"room":"closed:1"}',
    '{"type":"auth","id":21}',
    `{"type":"ping","id":"${"i".repeat(65)}"}`,
    '{"type":"ping","id":{}}',
  ];
  const socket = await RecordedSocket.open(recorder, "a", "/ws");
  await socket.next();
  for (const frame of frames) {
    socket.send(frame);
    await socket.next();
    // Valid frames in between keep the server from closing the socket for too many invalid ones.
    socket.ws.send('{"type":"leave","room":"none"}');
    await socket.next();
  }
  await socket.ask({ type: "join", id: 30, room: "a" });
  await socket.ask({ type: "join", id: 31, room: "a" });
  socket.send(new Uint8Array([1, 2]));
  await socket.next();
  await socket.close();
}

async function presence(recorder: Recorder): Promise<void> {
  recorder.part("presence on the multiplexed socket");
  const a = await RecordedSocket.open(recorder, "a", "/ws");
  await a.next();
  await a.ask({ type: "join", id: 1, room: "who:a", presence: true });
  const b = await RecordedSocket.open(recorder, "b", "/ws?room=who:a");
  await b.next(2);
  await a.next();
  await a.ask({ type: "members", id: 2, room: "who:a" });
  await b.close();
  await a.next();
  await a.ask({ type: "join", id: 3, room: "plain", presence: true });
  await a.close();
  const c = await RecordedSocket.open(recorder, "c", "/ws?room=who:b&presence=1");
  await c.next(2);
  await c.close();
}

async function ended(recorder: Recorder): Promise<void> {
  recorder.part("close codes");
  const mux = await RecordedSocket.open(recorder, "mux", "/ws");
  const [welcome = ""] = await mux.next();
  const { session } = JSON.parse(welcome) as { session: string };
  await recorder.http("GET", `/sessions/${session}`);
  await recorder.http("DELETE", `/sessions/${session}`);
  await mux.closed();
  const raw = await RecordedSocket.open(recorder, "raw", "/rooms/a");
  raw.send("x".repeat(64 * 1024 + 1));
  await raw.closed();
  const huge = await RecordedSocket.open(recorder, "huge", "/rooms/a");
  huge.send("x".repeat(4 * 64 * 1024 + 1));
  await huge.closedOrCut(1009);
  const large = await RecordedSocket.open(recorder, "large", "/ws");
  await large.next();
  large.send(`{"type":"publish","room":"a","data":"${"x".repeat(64 * 1024)}"}`);
  await large.closed();
  const bad = await RecordedSocket.open(recorder, "bad", "/ws");
  await bad.next();
  for (let i = 0; i < 33; i++) bad.ws.send("{");
  await bad.closed(true);
  const badRaw = await RecordedSocket.open(recorder, "bad raw", "/rooms/server:1");
  for (let i = 0; i < 33; i++) badRaw.ws.send("1");
  await badRaw.closed(true);
}
