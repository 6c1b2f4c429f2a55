// `GET /rooms`: a page of the rooms that have sessions or stored messages.
import { ThumpError } from "../../protocol/codes.ts";
import { isReserved, RESERVED } from "../../protocol/names.ts";
import { compilePattern } from "../../rooms/pattern.ts";
import { checkRoomList, describeRoom, type ListedRoom, listedRooms } from "../../service/inspect.ts";
import type { HandlerContext } from "./handler-context.ts";
import { type PageOrder, paginate } from "./pagination.ts";
import { readQuery } from "./read-request.ts";

const byName: PageOrder<ListedRoom> = {
  compare: (a, b) => compareText(a.room, b.room),
  cursor: ({ room }) => room,
  parse: (room) => ({ room, sessions: 0 }),
};

/** Rooms with the most sessions first. */
const bySessions: PageOrder<ListedRoom> = {
  compare: (a, b) => b.sessions - a.sessions || compareText(a.room, b.room),
  cursor: ({ room, sessions }) => `${sessions}:${room}`,
  parse(cursor) {
    const [, sessions, room] = /^([0-9]+):(.*)$/s.exec(cursor) ?? [];
    return room === undefined ? undefined : { room, sessions: Number(sessions) };
  },
};

/** Compares by UTF-16 code units, as `sort()` does. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `GET /rooms?match=chat:*&sort=sessions&cursor=…&limit=100`. Reserved rooms are listed only if `match` names them. */
export async function listRooms({ service, request, context }: HandlerContext): Promise<Response> {
  checkRoomList(service, context);
  const { match = "*", cursor, limit, sort } = readQuery(request, ["match", "sort", "cursor", "limit"]);
  const order = sort === "sessions" ? bySessions : byName;
  const after = cursor === undefined ? undefined : order.parse(cursor);
  if (cursor !== undefined && after === undefined)
    throw new ThumpError("invalid-query", "The cursor does not belong to this list and order.");
  const pattern = compilePattern(match);
  const own = match.startsWith(RESERVED);
  const fits = (name: string) => pattern.test(name) && (own || !isReserved(name));
  const rooms = await listedRooms(service, context, fits);
  const { items, total, cursor: next } = await paginate(rooms, order, after, limit);
  const described = items.map((listed) => describeRoom(service, listed));
  return Response.json({ rooms: described, total, cursor: next });
}
