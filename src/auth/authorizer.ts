// The policy: whether somebody may do something in a room, by its rule, their token or key, and the app's own hook.
import type { Hub } from "../hub/hub.ts";
import type { Rule } from "../rooms/rule.ts";
import type { Action, KeyAction, Operation } from "./actions.ts";
import type { Asker, Decision } from "./principal.ts";
import { Refusal } from "./auth-error.ts";

/** For so long, in ms, and for so many rooms, a session's answers by the hook are remembered. */
const REMEMBERED = 10_000;
const MAX_REMEMBERED = 1024;

/** What the `authorize` hook is asked. */
export interface Asked {
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

type Answer = boolean | undefined | void;
/** Code of the app's: `true` allows, `false` refuses, nothing leaves it to rules and tokens. */
export type Authorize = (asked: Asked) => Answer | Promise<Answer>;

export class Policy {
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
   * @throws Refusal `forbidden`, `unauthorized` where nothing was shown that could be enough
   */
  check(asker: Asker, action: Action, room: string, rule = this.hub.ruleOf(room)): void | Promise<void> {
    if (rule.reserved && action === "publish")
      throw new Refusal(
        "forbidden",
        `"${room}" is the server's own: nobody else publishes there.`,
        undefined,
      );
    const { kind, grants } = asker.caller;
    if (kind === "server") return;
    if (kind === "key") {
      if (!grants.allow(room, action))
        throw this.refusal(asker, `This API key may not ${MAY_NOT[action]} "${room}".`);
      return;
    }
    if (this.authorize && rule[action] !== "server")
      return this.#ask(this.authorize, asker, action, room, rule);
    if (rule.reserved && this.#mayOperate(asker)) return;
    if (!mayByRule(asker, action, room, rule)) throw this.#refuse(asker, action, room, rule);
  }

  /** Without anybody to believe, the operator is who sits at the machine: also where the server is open to others. */
  #mayOperate({ local }: Asker): boolean {
    return local === true && !this.closed;
  }

  /** Whether what a request says beside its publication counts: of servers, and of the operator. */
  trusts(asker: Asker): boolean {
    const { kind } = asker.caller;
    return kind === "server" || kind === "key" || this.#mayOperate(asker);
  }

  /** Not everybody is the operator: there are secrets to tell people apart, or the app does it. */
  get closed(): boolean {
    return this.secured || this.authorize !== undefined;
  }

  /** Whether somebody who shows nothing may do anything here at all. */
  get opensToAnyone(): boolean {
    if (!this.secured || this.authorize) return true;
    return this.hub.rules.all.some(
      ({ join, publish, history, members }) =>
        join === "anyone" || publish === "anyone" || history === "anyone" || members === "anyone",
    );
  }

  /** Who shows nothing, where that is never enough, is not listened to. @throws Refusal */
  checkShown(asker: Asker, message: string): void {
    if (asker.caller.kind === "anonymous" && !this.opensToAnyone) throw this.refusal(asker, message);
  }

  /** Lets an API key do what only servers may do in a room; where nothing is closed, anyone where all is for anyone. */
  mayAsServer({ caller }: Asker, action: KeyAction, room: string): boolean {
    if (caller.kind === "server") return true;
    if (caller.kind === "key") return caller.grants.allow(room, action);
    const { join, publish } = this.hub.ruleOf(room);
    return !this.closed && join === "anyone" && (action === "list" || publish === "anyone");
  }

  /** Lets an API key do something to sessions; where nothing is closed, anyone. @throws Refusal */
  checkOperation(asker: Asker, operation: Operation): void {
    const { kind, operations } = asker.caller;
    if (kind === "server" || operations.has(operation)) return;
    if (!this.closed && (operation !== "inspect" || this.#mayOperate(asker))) return;
    throw this.refusal(asker, `It takes an API key that may ${operation}.`);
  }

  /** Who showed nothing is told to show something; who did, that it is not enough. */
  refusal({ caller }: Asker, message: string): Refusal {
    if (caller.kind !== "anonymous" || !this.secured)
      return new Refusal("forbidden", message, this.secured ? "insufficient_scope" : undefined);
    return new Refusal("unauthorized", message, undefined);
  }

  #refuse(asker: Asker, action: Action, room: string, rule: Rule): Refusal {
    return this.refusal(asker, `${DOING[action]} "${room}" takes ${TAKES[rule[action]]}.`);
  }

  #ask(hook: Authorize, asker: Asker, action: Action, room: string, rule: Rule): void | Promise<void> {
    const { caller, session } = asker;
    const key = `${action} ${room}`;
    const known = asker.decisions?.get(key);
    const settle = ({ allowed = mayByRule(asker, action, room, rule) }: Decision) => {
      if (!allowed) throw this.#refuse(asker, action, room, rule);
    };
    if (known?.by === hook && this.now() - known.at < REMEMBERED) return settle(known);
    const remember = (allowed: Answer): void => {
      const decision = { at: this.now(), by: hook, allowed: allowed ?? undefined };
      const decisions = (asker.decisions ??= new Map<string, Decision>());
      if (decisions.size >= MAX_REMEMBERED) decisions.clear();
      decisions.set(key, decision);
      settle(decision);
    };
    const { id, transport } = session ?? {};
    const answer = hook({ session: { id, transport, user: caller.user, info: caller.info }, action, room });
    return answer instanceof Promise ? answer.then(remember) : remember(answer);
  }
}

const DOING: Record<Action, string> = {
  join: "Listening in",
  publish: "Publishing to",
  history: "Reading the history of",
  members: "Seeing who is in",
};
const MAY_NOT: Record<Action, string> = {
  join: "listen in",
  publish: "publish to",
  history: "read the history of",
  members: "see who is in",
};
const TAKES: Record<Rule[Action], string> = {
  anyone: "leave",
  users: "a user's token",
  granted: "a token that grants it",
  owner: "its owner's token",
  members: "being in it",
  server: "an API key, or code in the server",
};

function mayByRule({ caller, session }: Asker, action: Action, room: string, rule: Rule): boolean {
  switch (rule[action]) {
    case "anyone":
      return true;
    case "users":
      return caller.user !== undefined;
    case "granted":
      return caller.grants.allow(room, action);
    case "owner":
      return caller.user !== undefined && caller.user === rule.ownerOf(room);
    case "members":
      return session?.memberships.has(room) ?? false;
    case "server":
      return false;
  }
}
