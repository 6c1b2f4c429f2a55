// Test clients, one kind per transport, that receive and apply presence messages.
import { connect, Inbox, Multiplexed } from "./clients.ts";
import { Roster, type Told, userToken } from "./presence.ts";
import type { TestServer } from "./server.ts";
import { openEvents, openNdjson, type OpenStream } from "./streams.ts";
import { bearer } from "./tokens.ts";

export const ROOMS = ["r", "s"];

export interface Listener {
  readonly kind: string;
  readonly rosters: Map<string, Roster>;
  /** The data of messages, in order of arrival. */
  readonly data: Inbox<unknown>;
  /** Stops reading, if the transport can. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

function collector() {
  const rosters = new Map<string, Roster>();
  const data = new Inbox<unknown>();
  const take = (frame: Record<string, unknown>) => {
    if (frame["type"] === "message") return data.push(frame["data"]);
    const told = (frame["type"] === "joined" ? frame["presence"] : frame) as Told | undefined;
    if (!told || told.users === undefined) return;
    const room = String(frame["room"]);
    const roster = rosters.get(room) ?? new Roster();
    rosters.set(room, roster);
    roster.apply(told);
  };
  return { rosters, data, take };
}

const parse = (text: string) => JSON.parse(text) as Record<string, unknown>;
const query = `?presence=1&${ROOMS.map((room) => `room=${room}`).join("&")}`;

async function onSocket(server: TestServer, user: string): Promise<Listener> {
  const { rosters, data, take } = collector();
  const socket = await connect(server.socket(`/ws${query}&token=${userToken(user)}`));
  const { ws } = socket;
  const mux = new Multiplexed(socket);
  mux.tap(take);
  await mux.until((all) => all.filter(({ type }) => type === "joined").length === ROOMS.length);
  return {
    kind: "websocket",
    rosters,
    data,
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    async close() {
      ws.terminate();
      await socket.closed;
    },
  };
}

function onStream(kind: string, stream: OpenStream): Listener {
  const { rosters, data, take } = collector();
  const collect = (text: string) => void (text.startsWith("{") && take(parse(text)));
  // Handles the events received so far, and all later ones.
  if (kind === "ndjson") stream.lines.tap(collect);
  else stream.events.tap((event) => collect(event.data));
  const close = () => {
    stream.abort();
    return stream.ended;
  };
  return { kind, rosters, data, pause() {}, resume() {}, close };
}

/** Opens one client that joins all rooms. With `ndjson`, the client joins only the first room. */
export async function listen(server: TestServer, kind: string, user: string): Promise<Listener> {
  const headers = bearer(userToken(user));
  if (kind === "websocket") return onSocket(server, user);
  if (kind === "ndjson")
    return onStream(kind, await openNdjson(server.room("r", "?presence=1&room=r"), headers));
  return onStream(kind, await openEvents(`${server.url}/events${query}`, headers));
}
