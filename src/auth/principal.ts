// A caller: who asks, and what that entitles to.
import type { Identity, Session } from "../hub/session.ts";
import type { Operation } from "./actions.ts";
import type { Buckets } from "../limits/token-buckets.ts";
import { Grants } from "./grants.ts";

export interface Principal extends Identity {
  /** `server` is code in this process; it may do everything. `key` is a server elsewhere, with an API key. */
  readonly kind: "anonymous" | "token" | "key" | "server";
  readonly grants: Grants;
  /** What an API key may do beside rooms. */
  readonly operations: ReadonlySet<Operation>;
  /** When its token expires, in ms since 1970. A little later, at `deadline`, it is no longer good. */
  readonly expires?: number | undefined;
  /** By what its token was believed. */
  readonly proof?: Proof;
  /** What an API key is counted by. */
  readonly key?: string;
}

/** What of a token was looked at beside its times: with other settings it may not be good any more. */
export interface Proof {
  /** The key that it is signed with: its id, or the address that publishes it. */
  readonly key: string;
  readonly algorithm: string;
  readonly issuer: string | undefined;
  readonly audience: string | readonly string[] | undefined;
}

/** What everybody but API keys may do beside rooms: nothing. */
export const NO_OPERATIONS: ReadonlySet<Operation> = new Set();
const none = { grants: new Grants(), operations: NO_OPERATIONS };
export const ANONYMOUS: Principal = { kind: "anonymous", ...none };
export const SERVER: Principal = { kind: "server", ...none };

/**
 * Who may use an idempotency key again, where that is not a user: an API key, code in this process, or all who came by
 * tokens without a user. Of those who showed nothing there is nothing to tell them apart: they share one scope.
 */
export function scopeOf({ kind, key, user }: Principal): string | undefined {
  if (kind === "server") return "code";
  if (kind === "key") return `key:${key}`;
  return kind === "token" && user === undefined ? "token" : undefined;
}

/** What the `authorize` hook last said about an action in a room. */
export interface AuthorizeDecision {
  at: number;
  /** The hook that said it: another one is asked itself. */
  by: unknown;
  allowed: boolean | undefined;
}

/** The context of a request: its principal, address and session. A request without a session has a context of its own. */
export interface RequestContext {
  principal: Principal;
  session?: Session;
  /** Where the request came from, as logs have it. */
  address?: string | undefined;
  /** The page that it comes from, where a browser says so: its origin, and the host that it called. */
  webPage?: { readonly origin: string; readonly host: string } | undefined;
  /** It is on this machine, and no proxy passed it on. */
  local?: boolean;
  /** What it counts as for limits by address. Absent for this machine, and for code in the server. */
  addressKey?: string | undefined;
  /** What this session may still do; absent where it has done nothing yet. */
  rateBuckets?: Buckets;
  /** Until when it was told to wait, and what is left of the patience with those who do not. By the limiter's clock. */
  waitUntil?: number;
  retryAllowance?: number;
  /** What the `authorize` hook said, by action and room. */
  decisions?: Map<string, AuthorizeDecision>;
  /** The hook is thinking for this context: what else it wants has to wait, or would overtake. */
  deciding?: boolean;
}
