// Inspection: the sessions and rooms of a server, for clients that may list them.
import type { RequestContext } from "../auth/principal.ts";
import type { Session } from "../hub/session.ts";
import { ThumpError } from "../protocol/codes.ts";
import type { RoomService } from "./room-service.ts";

/** A room and its number of sessions across all nodes of a cluster. */
export interface ListedRoom {
  room: string;
  sessions: number;
}

/** Finds a session on this node by id. @throws ThumpError `not-found` */
export function findSession({ hub }: RoomService, id: string): Session {
  const session = hub.sessions.get(id);
  if (!session) throw sessionNotFound();
  return session;
}

export function sessionNotFound(): ThumpError {
  return new ThumpError("not-found", "There is no such session; it may have ended.");
}

/** The sessions on this node: those in one room, or all of them. */
export function* sessionsOf({ hub }: RoomService, room: string | undefined): Iterable<Session> {
  if (room === undefined) yield* hub.sessions.values();
  else for (const { session } of hub.rooms.get(room)?.members ?? []) yield session;
}

/** Checks that the client may list rooms at all. @throws AuthError `unauthorized`, `forbidden` */
export function checkRoomList({ authorizer }: RoomService, context: RequestContext): void {
  if (authorizer.isClosed && context.principal.kind !== "key")
    throw authorizer.refusal(context, "Listing rooms requires an API key that may list them.");
}

/**
 * Iterates over the rooms that have sessions or stored messages. Yields undefined in place of each room whose name does
 * not match or that the client may not list. A room that opens or closes during the iteration may appear twice or not
 * at all.
 */
export async function listedRooms(
  { hub, authorizer }: RoomService,
  context: RequestContext,
  fits: (name: string) => boolean,
): Promise<Iterable<ListedRoom | undefined>> {
  const { rooms, log } = hub;
  const [stored, remote = new Map<string, number>()] = await Promise.all([log.rooms(), log.peers?.counts()]);
  const listed = (room: string, local: number) =>
    fits(room) && authorizer.allowsServer(context, "list", room)
      ? { room, sessions: local + (remote.get(room) ?? 0) }
      : undefined;
  return (function* () {
    for (const [room, { members }] of rooms) yield listed(room, members.size);
    for (const room of remote.keys()) if (!rooms.has(room)) yield listed(room, 0);
    for (const room of stored) if (!rooms.has(room) && !remote.has(room)) yield listed(room, 0);
  })();
}

/**
 * Describes a listed room: its sessions, the time of its newest message in ms since 1970, and the number and size of
 * its stored messages.
 */
export function describeRoom({ hub }: RoomService, { room, sessions }: ListedRoom): object {
  const { count, bytes, newest } = hub.log.usageOf?.(room) ?? {};
  const time = newest ?? hub.rooms.get(room)?.newest?.time;
  return { room, sessions, newest: time, kept: count === undefined ? undefined : { count, bytes } };
}
