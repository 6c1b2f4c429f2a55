// Connections of every kind, which can be paused and cut. Each connection reports what it receives to a `Listener`.
import http from "node:http";
import WS from "ws";
import type { TestServer } from "../support/server.ts";

/** Receives the events of a connection. Positions are seqs. */
export interface Listener {
  message(room: string, n: number): void;
  gap(room: string, at: number): void;
  /** The client has received everything up to here, in one room or in all. */
  at(position: number, room?: string): void;
}

export interface Connection {
  readonly kind: Kind;
  readonly session: string | undefined;
  pause(): void;
  unpause(): void;
  /** Cuts the connection without a close handshake. The listener is not called afterwards. */
  drop(): void;
  /** Publishes through the connection, if its kind supports that. */
  publish?(room: string, data: object): void;
  /** Sends a ping. If the pong has a position, the listener receives it. */
  ping?(): void;
}

export const KINDS = ["raw", "websocket", "event-stream", "ndjson", "events", "multiplexed", "poll"] as const;
export type Kind = (typeof KINDS)[number];

const seqOf = (cursor: string) => Number(cursor.split("-")[1]);

interface Message {
  type: string;
  room: string;
  at: string;
  data: { n: number };
  session?: string;
}

/**
 * Connects to rooms and resumes after a cursor or starts now. Only `websocket`, `events` and `multiplexed` allow
 * several rooms. Resolves when all are joined.
 */
export function open(
  kind: Kind,
  server: TestServer,
  rooms: string[],
  after: string | undefined,
  to: Listener,
): Promise<Connection> {
  const query = new URLSearchParams(after === undefined ? {} : { after });
  if (kind === "raw") return openRaw(server, rooms[0] as string, query, to);
  if (kind === "websocket") return openMultiplexed(server, rooms, query, to);
  if (kind === "poll") return openPoll(server, rooms[0] as string, after, to);
  if (kind === "multiplexed") {
    const joins = JSON.stringify(rooms.map((room) => ({ room, after })));
    return openStream(kind, `${server.url}/events`, rooms, to, joins, after === undefined);
  }
  if (kind === "events") for (const room of rooms) query.append("room", room);
  const url =
    kind === "events" ? `${server.url}/events?${query}` : server.room(rooms[0] as string, `?${query}`);
  return openStream(kind, url, rooms, to);
}

async function openRaw(
  server: TestServer,
  room: string,
  query: URLSearchParams,
  to: Listener,
): Promise<Connection> {
  const rawSessions = () =>
    [...server.thump.hub.sessions.values()]
      .filter(({ transport }) => transport === "raw-websocket")
      .map(({ id }) => id);
  const before = new Set(rawSessions());
  const ws = new WS(server.socket(`/rooms/${room}?${query}`));
  let live = true;
  ws.on("message", (text: Buffer) => {
    if (!live) return;
    const data = JSON.parse(String(text)) as { n?: number; type?: string; at?: string };
    if (data.type === "gap") to.gap(room, seqOf(data.at as string));
    else to.message(room, data.n as number);
  });
  await opened(ws);
  // A raw socket does not receive its session id, so look for the session that is new.
  const session = rawSessions().find((id) => !before.has(id));
  return socketConnection(
    "raw",
    ws,
    session,
    () => (live = false),
    (_, data) => ws.send(JSON.stringify(data)),
  );
}

async function openMultiplexed(
  server: TestServer,
  rooms: string[],
  query: URLSearchParams,
  to: Listener,
): Promise<Connection> {
  const ws = new WS(server.socket("/ws"));
  let live = true;
  let session: string | undefined;
  const after = query.get("after") ?? undefined;
  const joined = new Set<string>();
  await new Promise<void>((resolve, reject) => {
    ws.on("error", reject);
    ws.on("message", (text: Buffer) => {
      if (!live) return;
      const frame = JSON.parse(String(text)) as Message;
      if (frame.type === "welcome") {
        session = frame.session;
        for (const room of rooms) ws.send(JSON.stringify({ type: "join", room, after }));
      } else if (frame.type === "joined") {
        joined.add(frame.room);
        // Without a cursor, the room starts exactly here.
        if (after === undefined) to.at(seqOf(frame.at), frame.room);
        if (joined.size === rooms.length) resolve();
      } else if (frame.type === "message") to.message(frame.room, frame.data.n);
      else if (frame.type === "gap") to.gap(frame.room, seqOf(frame.at));
      else if (frame.type === "pong" && frame.at) to.at(seqOf(frame.at));
      else if (frame.type === "error") throw new Error(`unexpected ${String(text)}`);
    });
  });
  const connection = socketConnection(
    "websocket",
    ws,
    session,
    () => (live = false),
    (room, data) => {
      ws.send(JSON.stringify({ type: "publish", room, data }));
    },
  );
  return { ...connection, ping: () => ws.send('{"type":"ping"}') };
}

function openStream(
  kind: Kind,
  url: string,
  rooms: string[],
  to: Listener,
  body?: string,
  fresh = false,
): Promise<Connection> {
  const accept = kind === "ndjson" ? "application/x-ndjson" : "text/event-stream";
  return new Promise((resolve, reject) => {
    let live = true;
    const method = body === undefined ? "GET" : "POST";
    const request = http.request(url, { method, headers: { accept }, agent: false }, (response) => {
      let rest = "";
      const take =
        kind === "ndjson"
          ? takeLine
          : kind === "multiplexed"
            ? takeFrame(rooms, fresh)
            : takeBlock(kind, rooms);
      const separator = kind === "ndjson" ? "\n" : "\n\n";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (!live) return;
        const parts = (rest + chunk).split(separator);
        rest = parts.pop() as string;
        for (const part of parts) if (part !== "" && take(part, to)) resolve(connection);
      });
      const connection: Connection = {
        kind,
        session: undefined,
        pause: () => response.pause(),
        unpause: () => response.resume(),
        drop: () => {
          live = false;
          request.destroy();
        },
      };
    });
    request.on("error", (error) => live && reject(error));
    request.end(body);
  });
}

interface PollResponse {
  at: string;
  gap?: { at: string };
  messages: Message[];
}

/** Polls in a loop. Each poll starts at the cursor from the previous response. */
async function openPoll(
  server: TestServer,
  room: string,
  after: string | undefined,
  to: Listener,
): Promise<Connection> {
  const abort = new AbortController();
  const ask = async (query: string) =>
    (await (await fetch(server.room(room, query), { signal: abort.signal })).json()) as PollResponse;
  const gate = { paused: undefined as Promise<void> | undefined, open: () => {} };
  let cursor = after;
  if (cursor === undefined) {
    cursor = (await ask("?last=0")).at;
    to.at(seqOf(cursor));
  }
  const loop = async () => {
    for (;;) {
      await gate.paused;
      const { at, gap, messages } = await ask(`?after=${cursor}&wait=60`);
      if (abort.signal.aborted) return;
      if (gap) to.gap(room, seqOf(gap.at));
      for (const message of messages) to.message(room, message.data.n);
      to.at(seqOf(at));
      cursor = at;
    }
  };
  void loop().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return {
    kind: "poll",
    session: undefined,
    pause: () => {
      gate.paused ??= new Promise((resolve) => (gate.open = resolve));
    },
    unpause: () => {
      gate.paused = undefined;
      gate.open();
    },
    drop: () => abort.abort(),
  };
}

/** Processes one line of NDJSON. Returns true if the line reports that the stream has started. */
function takeLine(line: string, to: Listener): boolean {
  const frame = JSON.parse(line) as Message;
  if (frame.type === "message") to.message(frame.room, frame.data.n);
  else if (frame.type === "gap") to.gap(frame.room, seqOf(frame.at));
  else if (frame.type === "position") to.at(seqOf(frame.at));
  return frame.type === "position";
}

/**
 * Returns a function that processes one event of a multiplexed stream. The function returns true for the last room's
 * reply.
 */
function takeFrame(rooms: string[], fresh: boolean) {
  const joined = new Set<string>();
  return (block: string, to: Listener): boolean => {
    const frame = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] as string) as Message;
    if (frame.type === "joined") {
      joined.add(frame.room);
      // Without a cursor, the room starts exactly here.
      if (fresh) to.at(seqOf(frame.at), frame.room);
      return joined.size === rooms.length;
    }
    if (frame.type === "error") throw new Error(`unexpected ${block}`);
    return takeLine(JSON.stringify(frame), to) && false;
  };
}

/**
 * Returns a function that processes one block of an event stream. The function returns true for the stream's start
 * position.
 */
function takeBlock(kind: Kind, rooms: string[]) {
  return (block: string, to: Listener): boolean => {
    const fields = new Map(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    const data = fields.get("data");
    const id = fields.get("id");
    if (fields.get("event") === "thump:gap") {
      const gap = JSON.parse(data as string) as Message;
      to.gap(gap.room, seqOf(gap.at));
    } else if (data !== undefined) {
      const parsed = JSON.parse(data) as Message & { n: number };
      if (kind === "events") to.message(parsed.room, parsed.data.n);
      else to.message(rooms[0] as string, parsed.n);
    }
    if (id !== undefined) to.at(seqOf(id));
    return id !== undefined && data === undefined;
  };
}

function socketConnection(
  kind: Kind,
  ws: WS,
  session: string | undefined,
  silence: () => void,
  publish: (room: string, data: object) => void,
): Connection {
  return {
    kind,
    session,
    pause: () => ws.pause(),
    unpause: () => ws.resume(),
    drop: () => {
      silence();
      ws.terminate();
    },
    publish,
  };
}

function opened(ws: WS): Promise<void> {
  return new Promise((resolve, reject) => {
    ws.once("open", () => resolve());
    ws.once("error", reject);
  });
}
