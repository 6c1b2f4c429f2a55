// Principal: an authenticated client and its permissions. RequestContext: the state of one request or session.
import type { Identity, Session } from "../hub/session.ts";
import type { Operation } from "./actions.ts";
import type { Buckets } from "../limits/token-buckets.ts";
import { Grants } from "./grants.ts";

export interface Principal extends Identity {
  /** `server` is code in this process, which may do everything. `key` is a backend with an API key. */
  readonly kind: "anonymous" | "token" | "key" | "server";
  readonly grants: Grants;
  /** Permissions of an API key that do not concern rooms. */
  readonly operations: ReadonlySet<Operation>;
  /** When the token expires, in ms since 1970. The session ends at `deadline`, which is later by the leeway. */
  readonly expires?: number | undefined;
  /** How the token was verified. */
  readonly proof?: Proof;
  /** The hash of the API key, by which its rates are charged. */
  readonly key?: string;
}

/** How a token was verified, apart from its times. After a reload, this tells whether the new settings accept it. */
export interface Proof {
  /** The signing key: its id, or the URL of its JWKS. */
  readonly key: string;
  readonly algorithm: string;
  readonly issuer: string | undefined;
  readonly audience: string | readonly string[] | undefined;
}

/** The operations of clients without an API key: none. */
export const NO_OPERATIONS: ReadonlySet<Operation> = new Set();
const none = { grants: new Grants(), operations: NO_OPERATIONS };
export const ANONYMOUS: Principal = { kind: "anonymous", ...none };
export const SERVER: Principal = { kind: "server", ...none };

/**
 * The scope of idempotency keys for publishers that have no user: an API key, code in this process, or all tokens
 * without a user. Undefined for users, and for anonymous clients, which share one scope.
 */
export function scopeOf({ kind, key, user }: Principal): string | undefined {
  if (kind === "server") return "code";
  if (kind === "key") return `key:${key}`;
  return kind === "token" && user === undefined ? "token" : undefined;
}

/** A cached decision of the `authorize` hook about an action in a room. */
export interface AuthorizeDecision {
  at: number;
  /** The hook that decided. A new hook after a reload decides again. */
  by: unknown;
  allowed: boolean | undefined;
}

/** The context of a request: its principal, address and session. A request without a session has a context of its own. */
export interface RequestContext {
  principal: Principal;
  session?: Session;
  /** The client address, as logs show it. */
  address?: string | undefined;
  /** The web page that made the request, if a browser sent its origin, and the host that the page requested. */
  webPage?: { readonly origin: string; readonly host: string } | undefined;
  /** Whether the request was made on this machine and not through a proxy. */
  local?: boolean;
  /** The key for limits by address. Absent for this machine and for code in the server. */
  addressKey?: string | undefined;
  /** The token buckets of the session; absent until first used. */
  rateBuckets?: Buckets;
  /** The time of the last `retry`, and the bucket for retries before that time. By the limiter's clock. */
  waitUntil?: number;
  retryAllowance?: number;
  /** Cached decisions of the `authorize` hook, by action and room. */
  decisions?: Map<string, AuthorizeDecision>;
  /** Whether a decision is pending. Later frames of the session wait for it, to keep their order. */
  deciding?: boolean;
}
