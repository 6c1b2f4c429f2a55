// Publishing: counted, authorized, checked and handed to the log, in that order.
import type { TraceContext } from "../hub/publish-pipeline.ts";
import type { Publication } from "../protocol/publication.ts";
import { ThumpError } from "../protocol/codes.ts";
import type { Content } from "../protocol/content.ts";
import { checkEventName, checkKey, checkRoomName } from "../protocol/names.ts";
import type { Rule } from "../rooms/rule.ts";
import { type Asker, scopeOf } from "../auth/principal.ts";
import type { Door } from "./room-service.ts";
import { checkUserName } from "../auth/user-name.ts";

/** A publication as it comes in: from a frame, a body or code. */
export interface Incoming {
  room: string;
  event?: string | undefined;
  content: Content;
  key?: string | undefined;
  from?: string | undefined;
  /** Whether its own publisher gets it too. */
  echo?: boolean | undefined;
  /** The trace that the publisher is in (W3C Trace Context), when it says so. */
  traceparent?: TraceContext | undefined;
  /** Its rates were taken. */
  paid?: boolean;
  /** Data that does not fit is refused without details. */
  brief?: boolean;
}

/** Takes what a publication costs, whether it will be refused or not. @throws ThumpError `rate` */
export function pay({ limiter }: Door, asker: Asker, content: Content): void {
  limiter.take(asker, "publishes", 1, content.size);
}

/** As `Door.publish`. */
export function publish(door: Door, asker: Asker, incoming: Incoming): Publication | Promise<Publication> {
  // First: what is refused costs what it would have cost.
  if (!incoming.paid) pay(door, asker, incoming.content);
  const room = checkRoomName(incoming.room);
  const rule = door.hub.ruleOf(room);
  const decision = door.policy.check(asker, "publish", room, rule);
  return decision
    ? door.after(asker, decision, () => append(door, asker, incoming, rule))
    : append(door, asker, incoming, rule);
}

function append(
  door: Door,
  asker: Asker,
  incoming: Incoming,
  rule: Rule,
): Publication | Promise<Publication> {
  const { caller, session } = asker;
  const { room, content, brief } = incoming;
  // Its body, or the app's hook, may have taken a while.
  door.access.recheck(caller);
  const event = incoming.event === undefined ? "message" : checkEventName(incoming.event);
  const key = incoming.key === undefined ? undefined : checkKey(incoming.key);
  const data = content.data(door.maxMessage);
  const errors = rule.check && content.errors(rule.check, brief);
  if (errors) throw unfit(room, errors);
  door.hub.openRooms.publish(asker, room, rule.bounds);
  const from = caller.kind === "server" ? incoming.from : caller.user;
  if (caller.kind === "server" && from !== undefined) checkUserName(from, "/from");
  const except = incoming.echo ? undefined : session?.id;
  const scope = key === undefined ? undefined : scopeOf(caller);
  return door.hub.publish({ room, event, data, key, scope, from, except }, incoming.traceparent);
}

function unfit(room: string, errors: NonNullable<ThumpError["errors"]>): ThumpError {
  const [first] = errors;
  const why = first ? `: ${first.path} ${first.message}` : "";
  return new ThumpError(
    "invalid",
    `The data does not fit the schema of "${room}"${why}.`,
    first ? errors : undefined,
  );
}
