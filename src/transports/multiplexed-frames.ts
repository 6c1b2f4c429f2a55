// JSON frames that multiplexed sockets and multiplexed streams share. Pure.
import type { RequestContext } from "../auth/principal.ts";
import type { RoomService } from "../service/room-service.ts";
import type { JoinResult, JoinStart } from "../hub/join.ts";
import type { ThumpError } from "../protocol/codes.ts";
import type { Command, CommandId } from "../protocol/commands.ts";
import { parseCursor } from "../protocol/cursor.ts";

/** A room to join, and the start position in it. */
export type JoinRequest = Omit<Extract<Command, { type: "join" }>, "type">;

/** @throws ThumpError `invalid-cursor` */
export function startOf({ after, last, max, presence }: JoinRequest): JoinStart {
  return { after: after === undefined ? undefined : parseCursor(after), last, max, presence };
}

/** The first frame: the authenticated user and the limits. */
export function welcomeFrame(
  { hub, maxMessage }: RoomService,
  { principal }: RequestContext,
  session: string,
): string {
  const { user, expires } = principal;
  const limits = { message: maxMessage, rooms: hub.roomsPerSession };
  const ping = hub.heartbeatMs / 1000;
  return JSON.stringify({ type: "welcome", session, user, expires, ping, limits });
}

export function joinedFrame({ room, at, resumed, replay, presence }: JoinResult, id: CommandId): string {
  const fields = JSON.stringify({ room, at, resumed, replay });
  const more = presence === undefined ? "" : `,"presence":{${presence}}`;
  return answerFrame("joined", id, `${fields.slice(0, -1)}${more}}`);
}

export function errorFrame(error: ThumpError, id: CommandId, room?: string): string {
  const { code, message, errors, retry } = error;
  return JSON.stringify({ type: "error", id, code, message, errors, retry, room: room?.slice(0, 255) });
}

/** A reply to a command. @param answer an object as JSON text, with at least one field */
export function answerFrame(type: string, id: CommandId, answer: string): string {
  const field = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
  return `{"type":"${type}",${field}${answer.slice(1)}`;
}
