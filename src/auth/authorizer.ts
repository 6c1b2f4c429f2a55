// The Authorizer: whether somebody may do something in a room, by its rule, their token or key, and the app's own hook.
import type { Hub } from "../hub/hub.ts";
import type { Rule } from "../rooms/rule.ts";
import type { Action, KeyAction, Operation } from "./actions.ts";
import type { RequestContext, AuthorizeDecision } from "./principal.ts";
import { AuthError } from "./auth-error.ts";

/** For so long, in ms, and for so many rooms, a session's answers by the hook are remembered. */
const DECISION_TTL_MS = 10_000;
const MAX_DECISIONS = 1024;

/** What the `authorize` hook is asked. */
export interface AuthorizeRequest {
  /** Who asks: `id` and `transport` are there once it is a session. */
  session: {
    id?: string | undefined;
    transport?: string | undefined;
    user?: string | undefined;
    info?: unknown;
  };
  action: Action;
  room: string;
}

type AuthorizeResult = boolean | undefined | void;
/** Code of the app's: `true` allows, `false` refuses, nothing leaves it to rules and tokens. */
export type Authorize = (asked: AuthorizeRequest) => AuthorizeResult | Promise<AuthorizeResult>;

export class Authorizer {
  /**
   * @param secured the server knows secrets or keys: what is for everyone is said by rules
   * @param authorize asked last, and not about what is the server's alone
   */
  constructor(
    readonly hub: Hub,
    readonly secured: boolean,
    readonly authorize: Authorize | undefined,
    /** A clock that never goes back, in ms. */
    public now = () => performance.now(),
  ) {}

  /**
   * Lets an action in a room pass, or throws. A promise only where the hook has to think.
   * @throws AuthError `forbidden`, `unauthorized` where nothing was shown that could be enough
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
        `"${room}" is the server's own: nobody else publishes there.`,
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

  /** Without anybody to believe, the operator is who sits at the machine: also where the server is open to others. */
  #mayOperate({ local }: RequestContext): boolean {
    return local === true && !this.isClosed;
  }

  /** Whether what a request says beside its publication counts: of servers, and of the operator. */
  isTrusted(context: RequestContext): boolean {
    const { kind } = context.principal;
    return kind === "server" || kind === "key" || this.#mayOperate(context);
  }

  /** Not everybody is the operator: there are secrets to tell people apart, or the app does it. */
  get isClosed(): boolean {
    return this.secured || this.authorize !== undefined;
  }

  /** Whether somebody who shows nothing may do anything here at all. */
  get isOpenToAnyone(): boolean {
    if (!this.secured || this.authorize) return true;
    return this.hub.rules.all.some(
      ({ join, publish, history, members }) =>
        join === "anyone" || publish === "anyone" || history === "anyone" || members === "anyone",
    );
  }

  /** Who shows nothing, where that is never enough, is not listened to. @throws AuthError */
  checkAuthenticated(context: RequestContext, message: string): void {
    if (context.principal.kind === "anonymous" && !this.isOpenToAnyone) throw this.refusal(context, message);
  }

  /** Lets an API key do what only servers may do in a room; where nothing is closed, anyone where all is for anyone. */
  allowsServer({ principal }: RequestContext, action: KeyAction, room: string): boolean {
    if (principal.kind === "server") return true;
    if (principal.kind === "key") return principal.grants.allow(room, action);
    const { join, publish } = this.hub.ruleOf(room);
    return !this.isClosed && join === "anyone" && (action === "list" || publish === "anyone");
  }

  /** Lets an API key do something to sessions; where nothing is closed, anyone. @throws AuthError */
  checkOperation(context: RequestContext, operation: Operation): void {
    const { kind, operations } = context.principal;
    if (kind === "server" || operations.has(operation)) return;
    if (!this.isClosed && (operation !== "inspect" || this.#mayOperate(context))) return;
    throw this.refusal(context, `It takes an API key that may ${operation}.`);
  }

  /** Who showed nothing is told to show something; who did, that it is not enough. */
  refusal({ principal }: RequestContext, message: string): AuthError {
    if (principal.kind !== "anonymous" || !this.secured)
      return new AuthError("forbidden", message, this.secured ? "insufficient_scope" : undefined);
    return new AuthError("unauthorized", message, undefined);
  }

  #refuse(context: RequestContext, action: Action, room: string, rule: Rule): AuthError {
    return this.refusal(
      context,
      `${ACTION_NOUNS[action]} "${room}" takes ${LEVEL_REQUIREMENTS[rule[action]]}.`,
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
  join: "Listening in",
  publish: "Publishing to",
  history: "Reading the history of",
  members: "Seeing who is in",
};
const ACTION_VERBS: Record<Action, string> = {
  join: "listen in",
  publish: "publish to",
  history: "read the history of",
  members: "see who is in",
};
const LEVEL_REQUIREMENTS: Record<Rule[Action], string> = {
  anyone: "leave",
  users: "a user's token",
  granted: "a token that grants it",
  owner: "its owner's token",
  members: "being in it",
  server: "an API key, or code in the server",
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
