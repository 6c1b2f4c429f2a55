// Authorizer: decides whether a principal may act in a room, based on the room's rule, the token or API key, and the
// app's hook.
import type { Hub } from "../hub/hub.ts";
import type { Rule } from "../rooms/rule.ts";
import type { Action, KeyAction, Operation } from "./actions.ts";
import type { RequestContext, AuthorizeDecision } from "./principal.ts";
import { AuthError } from "./auth-error.ts";

/** Lifetime of the hook's cached decisions. */
const DECISION_TTL_MS = 10_000;
/** Maximum number of cached decisions per session. When it is reached, the cache is cleared. */
const MAX_DECISIONS = 1024;

/** Argument of the `authorize` hook. */
export interface AuthorizeRequest {
  /** The client. `id` and `transport` are undefined for requests that are not part of a session. */
  session: {
    /** Session id. */
    id?: string | undefined;
    /** The transport, such as `websocket`, `event-stream` or `poll`, as in `GET /sessions`. */
    transport?: string | undefined;
    /** The token's `sub` claim. */
    user?: string | undefined;
    /** The token's `info` claim. */
    info?: unknown;
  };
  /** `join`, `publish`, `history` or `members`. */
  action: Action;
  /** The name of the room. */
  room: string;
}

type AuthorizeResult = boolean | undefined | void;
/**
 * The app's authorization hook. Returns `true` to allow, `false` to refuse, or `undefined` to leave the decision to
 * rules and tokens.
 */
export type Authorize = (request: AuthorizeRequest) => AuthorizeResult | Promise<AuthorizeResult>;

export class Authorizer {
  /**
   * @param secured whether credentials are configured; if so, anonymous clients may take only actions that rules open
   * to anyone
   * @param authorize hook that decides instead of rules and tokens, except on rooms and actions reserved for the server
   */
  constructor(
    readonly hub: Hub,
    readonly secured: boolean,
    readonly authorize: Authorize | undefined,
    /** A monotonic clock, in ms. */
    public now = () => performance.now(),
  ) {}

  /**
   * Authorizes an action in a room. Returns a promise only if the hook does.
   * @throws AuthError `unauthorized` if a credential could help, otherwise `forbidden`
   */
  check(
    context: RequestContext,
    action: Action,
    room: string,
    rule = this.hub.ruleOf(room),
  ): void | Promise<void> {
    if (rule.reserved && action === "publish")
      throw new AuthError(
        "forbidden",
        `"${room}" is reserved: only the server may publish there.`,
        undefined,
      );
    const { kind, grants } = context.principal;
    if (kind === "server") return;
    if (kind === "key") {
      if (!grants.allow(room, action))
        throw this.refusal(context, `This API key may not ${ACTION_VERBS[action]} "${room}".`);
      return;
    }
    if (this.authorize && rule[action] !== "server")
      return this.#callHook(this.authorize, context, action, room, rule);
    if (rule.reserved && this.#mayOperate(context)) return;
    if (!allowedByRule(context, action, room, rule)) throw this.#refuse(context, action, room, rule);
  }

  /**
   * Whether a client counts as the operator. If neither credentials nor a hook is configured, every client on this
   * machine counts as the operator.
   */
  #mayOperate({ local }: RequestContext): boolean {
    return local === true && !this.isClosed;
  }

  /** Whether to trust a request's metadata, such as its trace. Only backends and the operator are trusted. */
  isTrusted(context: RequestContext): boolean {
    const { kind } = context.principal;
    return kind === "server" || kind === "key" || this.#mayOperate(context);
  }

  /** Whether credentials or a hook are configured. */
  get isClosed(): boolean {
    return this.secured || this.authorize !== undefined;
  }

  /** Whether anonymous clients may do anything at all. */
  get isOpenToAnyone(): boolean {
    if (!this.secured || this.authorize) return true;
    return this.hub.rules.all.some(
      ({ join, publish, history, members }) =>
        join === "anyone" || publish === "anyone" || history === "anyone" || members === "anyone",
    );
  }

  /** Refuses anonymous clients if they may do nothing at all. @throws AuthError `unauthorized`, `forbidden` */
  checkAuthenticated(context: RequestContext, message: string): void {
    if (context.principal.kind === "anonymous" && !this.isOpenToAnyone) throw this.refusal(context, message);
  }

  /**
   * Whether a client may list a room or delete its stored messages. API keys need a grant. If neither credentials nor a
   * hook is configured, any client may do so in rooms that are open to anyone.
   */
  allowsServer({ principal }: RequestContext, action: KeyAction, room: string): boolean {
    if (principal.kind === "server") return true;
    if (principal.kind === "key") return principal.grants.allow(room, action);
    const { join, publish } = this.hub.ruleOf(room);
    return !this.isClosed && join === "anyone" && (action === "list" || publish === "anyone");
  }

  /**
   * Authorizes an operation. API keys need a grant. If neither credentials nor a hook is configured, all clients are
   * authorized (for `inspect`, only clients on this machine).
   * @throws AuthError `unauthorized`, `forbidden`
   */
  checkOperation(context: RequestContext, operation: Operation): void {
    const { kind, operations } = context.principal;
    if (kind === "server" || operations.has(operation)) return;
    if (!this.isClosed && (operation !== "inspect" || this.#mayOperate(context))) return;
    throw this.refusal(context, `This operation requires an API key with the permission ${operation}.`);
  }

  /**
   * The error for a refused client: `unauthorized` if credentials are configured but the client sent none, otherwise
   * `forbidden`.
   */
  refusal({ principal }: RequestContext, message: string): AuthError {
    if (principal.kind !== "anonymous" || !this.secured)
      return new AuthError("forbidden", message, this.secured ? "insufficient_scope" : undefined);
    return new AuthError("unauthorized", message, undefined);
  }

  #refuse(context: RequestContext, action: Action, room: string, rule: Rule): AuthError {
    return this.refusal(
      context,
      `${ACTION_NOUNS[action]} "${room}" requires ${LEVEL_REQUIREMENTS[rule[action]]}.`,
    );
  }

  #callHook(
    hook: Authorize,
    context: RequestContext,
    action: Action,
    room: string,
    rule: Rule,
  ): void | Promise<void> {
    const { principal, session } = context;
    const key = `${action} ${room}`;
    const known = context.decisions?.get(key);
    const settle = ({ allowed = allowedByRule(context, action, room, rule) }: AuthorizeDecision) => {
      if (!allowed) throw this.#refuse(context, action, room, rule);
    };
    if (known?.by === hook && this.now() - known.at < DECISION_TTL_MS) return settle(known);
    const remember = (allowed: AuthorizeResult): void => {
      const decision = { at: this.now(), by: hook, allowed: allowed ?? undefined };
      const decisions = (context.decisions ??= new Map<string, AuthorizeDecision>());
      if (decisions.size >= MAX_DECISIONS) decisions.clear();
      decisions.set(key, decision);
      settle(decision);
    };
    const { id, transport } = session ?? {};
    const answer = hook({
      session: { id, transport, user: principal.user, info: principal.info },
      action,
      room,
    });
    return answer instanceof Promise ? answer.then(remember) : remember(answer);
  }
}

const ACTION_NOUNS: Record<Action, string> = {
  join: "Joining",
  publish: "Publishing to",
  history: "Reading the history of",
  members: "Listing the members of",
};
const ACTION_VERBS: Record<Action, string> = {
  join: "join",
  publish: "publish to",
  history: "read the history of",
  members: "list the members of",
};
const LEVEL_REQUIREMENTS: Record<Rule[Action], string> = {
  anyone: "permission",
  users: "a user's token",
  granted: "a token that grants it",
  owner: "the owner's token",
  members: "joining it first",
  server: "an API key",
};

function allowedByRule(
  { principal, session }: RequestContext,
  action: Action,
  room: string,
  rule: Rule,
): boolean {
  switch (rule[action]) {
    case "anyone":
      return true;
    case "users":
      return principal.user !== undefined;
    case "granted":
      return principal.grants.allow(room, action);
    case "owner":
      return principal.user !== undefined && principal.user === rule.ownerOf(room);
    case "members":
      return session?.memberships.has(room) ?? false;
    case "server":
      return false;
  }
}
