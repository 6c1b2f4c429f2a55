// The control: a Bun server that only broadcasts, as an upper bound for the others.
import type { ServerWebSocket } from "bun";
import { parseArgs } from "node:util";

interface Room {
  name: string;
  streams: Set<ReadableStreamDirectController>;
  /** Messages published in this tick that have not been sent to streams yet. Not used with `--sse each`. */
  waiting: string;
}

interface Socket {
  room: Room;
  /** If true, messages from this socket are ignored. Attackers connect on a separate path. */
  mute: boolean;
  replay?: Replay;
}

/** Frames to send when the socket opens, and the number of frames sent so far. */
interface Replay {
  texts: string[];
  sent: number;
}

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    /** `joined`: one write per tick and stream. `each`: one write per message and stream. */
    sse: { type: "string", default: "joined" },
  },
});

/** Prepared replays, keyed by query. */
const replays = new Map<string, string[]>();
const rooms = new Map<string, Room>();
const encoder = new TextEncoder();

function roomOf(name: string): Room {
  let room = rooms.get(name);
  if (!room) {
    room = { name, streams: new Set(), waiting: "" };
    rooms.set(name, room);
  }
  return room;
}

function writeAll(room: Room, events: string): void {
  const bytes = encoder.encode(events);
  for (const stream of room.streams) stream.write(bytes);
}

function writeEach(room: Room, message: string): void {
  writeAll(room, `data: ${message}\n\n`);
}

function writeJoined(room: Room, message: string): void {
  if (room.waiting === "") {
    setImmediate(() => {
      const events = room.waiting;
      room.waiting = "";
      writeAll(room, events);
    });
  }
  room.waiting += `data: ${message}\n\n`;
}

const writeToStreams = values.sse === "each" ? writeEach : writeJoined;

function eventStream(room: Room): Response {
  let controller: ReadableStreamDirectController | undefined;
  const source: Bun.DirectUnderlyingSource = {
    type: "direct",
    pull(c) {
      controller = c;
      c.write(":\n\n");
      void c.flush();
      room.streams.add(c);
    },
    cancel() {
      if (controller) room.streams.delete(controller);
    },
  };
  return new Response(new ReadableStream(source), {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
    },
  });
}

/** `?replay=N&size=B`: N texts of B bytes, the same for every request. */
function replayOf({ searchParams }: URL): Replay {
  const count = Number(searchParams.get("replay") ?? 0);
  const size = Number(searchParams.get("size") ?? 64);
  const key = `${count} ${size}`;
  let texts = replays.get(key);
  if (!texts) {
    texts = Array.from({ length: count }, (_, index) => String(index).padEnd(size, ".").slice(0, size));
    replays.set(key, texts);
  }
  return { texts, sent: 0 };
}

/** Bun drops frames above the backpressure limit, so the rest waits until the socket has drained. */
function sendReplay(ws: ServerWebSocket<Socket>): void {
  const { replay } = ws.data;
  if (!replay) return;
  while (replay.sent < replay.texts.length) if (ws.send(replay.texts[replay.sent++]!) === -1) return;
}

const server = Bun.serve({
  port: Number(values.port),
  hostname: values.host,
  async fetch(request, server) {
    const url = new URL(request.url);
    const path = url.pathname;
    if (path === "/healthz") return new Response(null);
    // The body is read and ignored.
    if (request.method === "POST") {
      await request.arrayBuffer();
      return new Response(null, { status: 404 });
    }
    if (path !== "/ws" && !path.startsWith("/rooms/")) return new Response(null, { status: 404 });
    const room = roomOf(path.slice(path.lastIndexOf("/") + 1));
    const mute = path === "/ws";
    const data: Socket = { room, mute, ...(url.search === "" ? {} : { replay: replayOf(url) }) };
    if (server.upgrade(request, { data })) return undefined;
    server.timeout(request, 0);
    return eventStream(room);
  },
  websocket: {
    data: {} as Socket,
    perMessageDeflate: false,
    backpressureLimit: 2 * 1024 * 1024,
    idleTimeout: 120,
    open(ws: ServerWebSocket<Socket>) {
      ws.subscribe(ws.data.room.name);
      sendReplay(ws);
    },
    drain: sendReplay,
    message(ws: ServerWebSocket<Socket>, message) {
      const { room, mute } = ws.data;
      if (mute) return;
      ws.publish(room.name, message);
      if (room.streams.size > 0) writeToStreams(room, String(message));
    },
  },
});

console.log(JSON.stringify({ port: server.port }));
