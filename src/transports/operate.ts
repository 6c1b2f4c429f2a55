// What operators ask for over HTTP: lists of rooms, and ending sessions.
import type { Door } from "../access/door.ts";
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import { roomsAnswer } from "./answers.ts";
import { readQuery, readSegment } from "./request.ts";

/** `GET /rooms?match=chat:*&cursor=…&limit=100` */
export async function listRooms(door: Door, request: Request): Promise<Response> {
  const { match, cursor, limit } = readQuery(request);
  return Response.json(
    await roomsAnswer(door.hub, {
      ...(match === undefined ? {} : { match }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(limit === undefined ? {} : { limit: Number(limit) }),
    }),
  );
}

/** `DELETE /sessions/:id` */
export function endSession(door: Door, request: Request): Response {
  const id = readSegment(request);
  const session = door.hub.sessions.get(id);
  if (!session) throw new ThumpError("not-found", "There is no such session; it may have ended.");
  session.end(CLOSE.removed, "removed");
  return new Response(null, { status: 204 });
}

/** `DELETE /users/:user/sessions` */
export function endUserSessions(door: Door, request: Request): Response {
  const user = readSegment(request, "/sessions");
  let ended = 0;
  for (const session of door.hub.sessions.values()) {
    if (session.identity.user !== user) continue;
    session.end(CLOSE.removed, "removed");
    ended++;
  }
  return Response.json({ ended });
}
