// Effective rules, with values in seconds and bytes, for `thump check --room` and `GET /rules`.
import { checkRoomName } from "../protocol/names.ts";
import type { Rule } from "../rooms/rule.ts";
import type { RuleOptions } from "../rooms/rule-options.ts";
import type { Rules } from "../rooms/rules.ts";
import { describeSchema } from "../rooms/message-schema.ts";
import type { HandlerContext } from "../transports/http/handler-context.ts";
import { readQuery } from "../transports/http/read-request.ts";
import type { ServerCore } from "./server-core.ts";

type ConfiguredRules = Record<string, RuleOptions>;

interface EffectiveRule {
  /** Null if no pattern matches and the default rule applies. */
  pattern: string | null;
  rule: object;
}

/** Returns the rule of a room, and its pattern. */
export function ruleOfRoom(
  room: string,
  rules: Rules,
  configured: ConfiguredRules,
): EffectiveRule & { room: string } {
  return { room, ...effective(rules.of(room), configured) };
}

function effective(rule: Rule, configured: ConfiguredRules): EffectiveRule {
  const { pattern, retention, lag, join, publish, history: read, members, reserved } = rule;
  const known = Object.hasOwn(configured, pattern);
  const { schema, compress = false } = (known && configured[pattern]) || {};
  const presence = rule.presence ? { ...rule.presence, grace: rule.presence.grace / 1000 } : false;
  const history = retention.count > 0 && { read, ...retention, age: retention.age / 1000 };
  return {
    pattern: known || reserved ? pattern : null,
    rule: {
      history,
      lag,
      join,
      publish: reserved ? "nobody" : publish,
      members,
      presence,
      compress,
      schema: describeSchema(schema),
    },
  };
}

/** `GET /rules`: all rules, in the order in which they are tried. `GET /rules?room=…`: the rule of a room. */
export function rulesRoute(core: ServerCore) {
  return ({ service, request, context }: HandlerContext): Response => {
    const { authorizer, hub } = service;
    authorizer.checkOperation(context, "inspect");
    const { rooms } = core.settings;
    const [room] = readQuery(request, ["room"]).rooms;
    if (room !== undefined) return Response.json(ruleOfRoom(checkRoomName(room), hub.rules, rooms));
    return Response.json({ rules: hub.rules.all.map((rule) => effective(rule, rooms)) });
  };
}
