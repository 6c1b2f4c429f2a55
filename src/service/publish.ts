// Publishing: charges the rate limits, authorizes and validates the publication, and passes it to the hub, in this
// order.
import type { TraceContext } from "../hub/publish-pipeline.ts";
import type { Publication } from "../protocol/publication.ts";
import { ThumpError } from "../protocol/codes.ts";
import type { Content } from "../protocol/content.ts";
import { checkEventName, checkKey, checkRoomName } from "../protocol/names.ts";
import type { Rule } from "../rooms/rule.ts";
import { type RequestContext, scopeOf } from "../auth/principal.ts";
import type { RoomService } from "./room-service.ts";
import { checkUserName } from "../auth/user-name.ts";

/** A publication from a frame, a request body or code, before it is authorized and validated. */
export interface PublishRequest {
  room: string;
  event?: string | undefined;
  content: Content;
  key?: string | undefined;
  from?: string | undefined;
  /** Whether the publishing session also receives the publication. */
  echo?: boolean | undefined;
  /** The publisher's trace (W3C Trace Context), if any. */
  traceparent?: TraceContext | undefined;
  /** Whether `publishes` and `bytes` have already been charged. */
  isCharged?: boolean;
  /** Whether errors about the data omit details. */
  briefErrors?: boolean;
}

/** Charges the rate limits for a publication. @throws ThumpError `rate` */
export function chargePublish({ limiter }: RoomService, context: RequestContext, content: Content): void {
  limiter.take(context, "publishes", 1, content.size);
}

/** See `RoomService.publish`. */
export function publish(
  service: RoomService,
  context: RequestContext,
  incoming: PublishRequest,
): Publication | Promise<Publication> {
  // Rejected publications are charged too.
  if (!incoming.isCharged) chargePublish(service, context, incoming.content);
  const room = checkRoomName(incoming.room);
  const rule = service.hub.ruleOf(room);
  const decision = service.authorizer.check(context, "publish", room, rule);
  return decision
    ? service.afterDecision(context, decision, () => append(service, context, incoming, rule))
    : append(service, context, incoming, rule);
}

function append(
  service: RoomService,
  context: RequestContext,
  incoming: PublishRequest,
  rule: Rule,
): Publication | Promise<Publication> {
  const { principal, session } = context;
  const { room, content, briefErrors } = incoming;
  // The token may have expired before the body arrived or the hook decided.
  service.authenticator.recheck(principal);
  const event = incoming.event === undefined ? "message" : checkEventName(incoming.event);
  const key = incoming.key === undefined ? undefined : checkKey(incoming.key);
  const data = content.data(service.maxMessage);
  const errors = rule.check && content.errors(rule.check, briefErrors);
  if (errors) throw invalidData(room, errors);
  service.hub.roomLimits.publish(context, room, rule.retention);
  const from = principal.kind === "server" ? incoming.from : principal.user;
  if (principal.kind === "server" && from !== undefined) checkUserName(from, "/from");
  const except = incoming.echo ? undefined : session?.id;
  const scope = key === undefined ? undefined : scopeOf(principal);
  return service.hub.publish({ room, event, data, key, scope, from, except }, incoming.traceparent);
}

function invalidData(room: string, errors: NonNullable<ThumpError["errors"]>): ThumpError {
  const [first] = errors;
  const why = first ? `: ${first.path} ${first.message}` : "";
  return new ThumpError(
    "invalid",
    `The data does not fit the schema of "${room}"${why}.`,
    first ? errors : undefined,
  );
}
