// `GET /sessions`: a page of the connected sessions. `GET /sessions/:id`: the details of one session.
import { plainAddress } from "../../limits/client-address.ts";
import type { Hub } from "../../hub/hub.ts";
import { positionOf } from "../../hub/merge.ts";
import type { Membership, Session } from "../../hub/session.ts";
import { findSession, sessionsOf } from "../../service/inspect.ts";
import type { RoomService } from "../../service/room-service.ts";
import { ThumpError } from "../../protocol/codes.ts";
import type { HandlerContext } from "./handler-context.ts";
import { type PageOrder, paginate } from "./pagination.ts";
import { readQuery } from "./read-request.ts";

/** The query parameters of the list. */
const LIST_PARAMETERS = ["room", "user", "lagging", "cursor", "limit"];
/** Maximum number of rooms in the details of a session. */
const MAX_LISTED_ROOMS = 1000;

type ListPosition = Pick<Session, "id" | "since">;

/** Newest sessions first. */
const byAge: PageOrder<ListPosition> = {
  compare: (a, b) => b.since - a.since || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  cursor: ({ since, id }) => `${since}.${id}`,
  parse(cursor) {
    const [, since, id] = /^([0-9]{1,15})\.([\w-]+)$/.exec(cursor) ?? [];
    return id === undefined ? undefined : { id, since: Number(since) };
  },
};

/** `GET /sessions?room=…&user=…&lagging=1&cursor=…&limit=100` */
export async function listSessions({ service, request, context }: HandlerContext): Promise<Response> {
  service.checkOperation(context, "inspect");
  const { rooms, user, lagging, cursor, limit } = readQuery(request, LIST_PARAMETERS);
  const after = cursor === undefined ? undefined : byAge.parse(cursor);
  if (cursor !== undefined && after === undefined)
    throw new ThumpError("invalid-query", "The cursor does not belong to this list.");
  const fits = (session: Session) =>
    (user === undefined || session.identity.user === user) &&
    (lagging !== "1" || session.lagging) &&
    rooms.every((room) => session.memberships.has(room));
  const page = await paginate(candidates(service, rooms[0], fits), byAge, after, limit);
  const sessions = page.items.map((session) => ({
    ...summary(session),
    rooms: session.memberships.size,
    lagging: session.lagging,
  }));
  return Response.json({ sessions, total: page.total, cursor: page.cursor });
}

/** The sessions in one room or in all rooms. Yields undefined in place of each session that does not match. */
function* candidates(
  service: RoomService,
  room: string | undefined,
  fits: (session: Session) => boolean,
): Iterable<Session | undefined> {
  for (const session of sessionsOf(service, room)) yield fits(session) ? session : undefined;
}

/** `GET /sessions/:id` */
export function describeSession({ service, request, context, names }: HandlerContext): Response {
  const { id = "" } = names;
  service.checkOperation(context, "inspect");
  readQuery(request, []);
  const session = findSession(service, id);
  const { identity, memberships, lagging, lagStats, received } = session;
  const shown = [...memberships.values().take(MAX_LISTED_ROOMS)];
  return Response.json({
    ...summary(session),
    info: identity.info,
    deadline: identity.deadline,
    lagging,
    lags: lagStats ?? { times: 0 },
    waiting: session.unreadBytes(),
    allowed: service.hub.highWatermark,
    full: session.backedUp(),
    received,
    sent: sentTo(session),
    rooms: memberships.size,
    memberships: shown.map((membership) => describeMembership(service.hub, membership)),
  });
}

function summary({ id, transport, identity, address, since }: Session): object {
  return {
    session: id,
    transport,
    user: identity.user,
    address: address === undefined ? undefined : plainAddress(address),
    since,
  };
}

/** Number of publications sent to a session. For live memberships, the room counts the publications. */
function sentTo({ sent, memberships }: Session): number {
  let all = sent;
  for (const { live, liveSince, room } of memberships.values()) if (live) all += room.delivered - liveSince;
  return all;
}

/**
 * Describes a session's position in a room. `more` is set if the session also lacks messages that are no longer in
 * memory.
 */
function describeMembership(hub: Hub, membership: Membership): object {
  const { room, live, max } = membership;
  const { history, rule } = room;
  const position = positionOf(membership);
  return {
    room: room.name,
    at: hub.cursorAt(live ? hub.position : position),
    live,
    behind: live ? 0 : history.countAfter(position),
    more: !live && position < history.floor ? true : undefined,
    max,
    lag: rule.lag,
  };
}
