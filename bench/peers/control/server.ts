// The bare control: what Bun's own server can do when it does nothing but broadcast.
import type { ServerWebSocket } from "bun";
import { parseArgs } from "node:util";

interface Room {
  name: string;
  streams: Set<ReadableStreamDirectController>;
  /** Messages of this turn that no stream has been sent yet (unless `--sse each`). */
  waiting: string;
}

interface Socket {
  room: Room;
}

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    /** `joined`: one write per turn and stream. `each`: one write per message and stream. */
    sse: { type: "string", default: "joined" },
  },
});

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

const server = Bun.serve({
  port: Number(values.port),
  hostname: values.host,
  fetch(request, server) {
    const path = new URL(request.url).pathname;
    if (!path.startsWith("/rooms/")) return new Response(null, { status: path === "/healthz" ? 200 : 404 });
    const room = roomOf(path.slice("/rooms/".length));
    if (server.upgrade(request, { data: { room } })) return undefined;
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
    },
    message(ws: ServerWebSocket<Socket>, message) {
      const { room } = ws.data;
      ws.publish(room.name, message);
      if (room.streams.size > 0) writeToStreams(room, String(message));
    },
  },
});

console.log(JSON.stringify({ port: server.port }));
