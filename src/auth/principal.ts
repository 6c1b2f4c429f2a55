// Principal: an authenticated client and its permissions. RequestContext: the state of one request or session.
import type { Identity, Session } from "../hub/session.ts";
import type { Operation } from "./actions.ts";
import type { Buckets } from "../limits/token-buckets.ts";
import { Grants } from "./grants.ts";

export interface Principal extends Identity {
  /** `server` is code in this process, which may do everything. `key` is a backend with an API key. */
  readonly kind: "anonymous" | "token" | "key" | "server";
  readonly grants: Grants;
  /** Operations on the server that an API key permits. */
  readonly operations: ReadonlySet<Operation>;
  /** When the token expires, in ms since 1970. The session ends at `deadline`: this time plus the leeway. */
  readonly expires?: number | undefined;
  /** How the token was verified. */
  readonly proof?: Proof;
  /** The hash of the API key, which identifies it for rate limits. */
  readonly key?: string;
}

/**
 * How a token was verified, excluding the token's validity period. A reload uses it to check whether the new settings
 * still accept the token.
 */
export interface Proof {
  /** The signing key: its id, or the URL of its JWKS. */
  readonly key: string;
  readonly algorithm: string;
  readonly issuer: string | undefined;
  readonly audience: string | readonly string[] | undefined;
}

/** The empty set of operations, for clients without an API key. */
export const NO_OPERATIONS: ReadonlySet<Operation> = new Set();
const none = { grants: new Grants(), operations: NO_OPERATIONS };
export const ANONYMOUS: Principal = { kind: "anonymous", ...none };
export const SERVER: Principal = { kind: "server", ...none };

/**
 * The scope of idempotency keys for publishers without a user: one per API key, one for code in this process, and one
 * for all tokens without a user. Undefined for users, whose name is the scope, and for anonymous clients, which share
 * one scope.
 */
export function scopeOf({ kind, key, user }: Principal): string | undefined {
  if (kind === "server") return "code";
  if (kind === "key") return `key:${key}`;
  return kind === "token" && user === undefined ? "token" : undefined;
}

/** A cached decision of the `authorize` hook on one action in one room. */
export interface AuthorizeDecision {
  at: number;
  /** The hook that decided. If a reload replaces the hook, the new hook decides again. */
  by: unknown;
  allowed: boolean | undefined;
}

/** The context of a request: its principal, address and session. A request without a session has its own context. */
export interface RequestContext {
  principal: Principal;
  session?: Session;
  /** The client address, as shown in logs. */
  address?: string | undefined;
  /**
   * The origin of the web page that made the request, and the host that the page requested. Undefined if the request
   * has no origin.
   */
  webPage?: { readonly origin: string; readonly host: string } | undefined;
  /** Whether the request was made on this machine and not through a proxy. */
  local?: boolean;
  /** The key for per-address limits. Absent for API keys, for clients on this machine, and for code in the server. */
  addressKey?: string | undefined;
  /** The token buckets of the session; absent until first used. */
  rateBuckets?: Buckets;
  /** When the session may try again, according to the last `retry` delay it received. On the limiter's clock. */
  waitUntil?: number;
  /** The token bucket for retries before `waitUntil`. */
  retryAllowance?: number;
  /** Cached decisions of the `authorize` hook, per action and room. */
  decisions?: Map<string, AuthorizeDecision>;
  /**
   * Whether an authorization decision is pending. Later frames from the session wait for the decision, to preserve
   * their order.
   */
  deciding?: boolean;
}
