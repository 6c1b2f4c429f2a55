// `GET /rooms`: a page of the rooms that somebody is in or of which something is kept.
import type { Hub } from "../../hub/hub.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { isReserved, RESERVED } from "../../protocol/names.ts";
import { compilePattern } from "../../rooms/pattern.ts";
import type { HandlerContext } from "./handler-context.ts";
import { type PageOrder, paginate } from "./pagination.ts";
import { readQuery } from "./read-request.ts";

interface ListedRoom {
  room: string;
  sessions: number;
}

const byName: PageOrder<ListedRoom> = {
  compare: (a, b) => compareText(a.room, b.room),
  cursor: ({ room }) => room,
  parse: (room) => ({ room, sessions: 0 }),
};

/** Those with the most sessions first. */
const bySessions: PageOrder<ListedRoom> = {
  compare: (a, b) => b.sessions - a.sessions || compareText(a.room, b.room),
  cursor: ({ room, sessions }) => `${sessions}:${room}`,
  parse(cursor) {
    const [, sessions, room] = /^([0-9]+):(.*)$/s.exec(cursor) ?? [];
    return room === undefined ? undefined : { room, sessions: Number(sessions) };
  },
};

/** As `sort()` has it: by UTF-16 units. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `GET /rooms?match=chat:*&sort=sessions&cursor=…&limit=100`. The server's own are listed to who names them. */
export async function listRooms({ service, request, context }: HandlerContext): Promise<Response> {
  const { hub, authorizer } = service;
  if (authorizer.isClosed && context.principal.kind !== "key")
    throw authorizer.refusal(context, "It takes an API key that may list rooms.");
  const { match = "*", cursor, limit, sort } = readQuery(request, ["match", "sort", "cursor", "limit"]);
  const order = sort === "sessions" ? bySessions : byName;
  const after = cursor === undefined ? undefined : order.parse(cursor);
  if (cursor !== undefined && after === undefined)
    throw new ThumpError("invalid-query", "cursor is not one of this list in this order.");
  const pattern = compilePattern(match);
  const own = match.startsWith(RESERVED);
  const fits = (name: string) =>
    pattern.test(name) && (own || !isReserved(name)) && authorizer.allowsServer(context, "list", name);
  const [kept, elsewhere] = await Promise.all([hub.log.rooms(), hub.log.peers?.counts()]);
  const names = allRooms(hub, kept, elsewhere ?? new Map(), fits);
  const { items, total, cursor: next } = await paginate(names, order, after, limit);
  return Response.json({ rooms: items.map((listed) => about(hub, listed)), total, cursor: next });
}

/** Each once, unless it comes or goes just now. */
function* allRooms(
  { rooms }: Hub,
  kept: Iterable<string>,
  elsewhere: ReadonlyMap<string, number>,
  fits: (name: string) => boolean,
): Iterable<ListedRoom | undefined> {
  const listed = (room: string, here: number) =>
    fits(room) ? { room, sessions: here + (elsewhere.get(room) ?? 0) } : undefined;
  for (const [room, { members }] of rooms) yield listed(room, members.size);
  for (const room of elsewhere.keys()) if (!rooms.has(room)) yield listed(room, 0);
  for (const room of kept) if (!rooms.has(room) && !elsewhere.has(room)) yield listed(room, 0);
}

function about(hub: Hub, { room, sessions }: ListedRoom): object {
  const { count, bytes, newest } = hub.log.usageOf?.(room) ?? {};
  const time = newest ?? hub.rooms.get(room)?.newest?.time;
  return { room, sessions, newest: time, kept: count === undefined ? undefined : { count, bytes } };
}
