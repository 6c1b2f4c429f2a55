// API keys: of servers, that publish and operate. Only their hashes are kept.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Identity } from "../hub/session.ts";
import { KEY_ACTIONS, OPERATIONS } from "./actions.ts";
import { type Caller, NO_OPERATIONS } from "./principal.ts";
import { Grants } from "./grants.ts";
import { invalidToken } from "./auth-error.ts";
import type { ApiKey } from "./auth-options.ts";

/** So a key can be told from a token, and found by those who search what leaked. */
const PREFIX = "thump_";

/** Whether a credential is meant to be an API key. */
export function isApiKey(credential: string): boolean {
  return credential.startsWith(PREFIX);
}

/** A new key, with 256 random bits. */
export function createApiKey(): string {
  return PREFIX + randomBytes(32).toString("base64url");
}

/** What is kept of a key. It is random itself: it needs no salt, and no slow hash. */
export function hashApiKey(key: string): string {
  return digest(key).toString("hex");
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

interface Known {
  hash: Buffer;
  caller: Caller;
}

export class ApiKeys {
  readonly #keys: Known[];

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys.map((key) => ({ hash: Buffer.from(key.hash, "hex"), caller: callerOf(key) }));
  }

  /** Whose key it is. Every hash is compared, in a time that tells nothing. @throws ThumpError `unauthorized` */
  find(key: string): Caller {
    const hash = digest(key);
    let found: Caller | undefined;
    for (const known of this.#keys) if (timingSafeEqual(hash, known.hash)) found = known.caller;
    if (!found) throw invalidToken("This server does not know this API key.");
    return found;
  }

  /**
   * Takes the place of other keys. Who is here by one of them may from now on do what it may do now; returned are
   * those whose key is gone.
   */
  replace(before: ApiKeys): Set<Identity> {
    const gone = new Set<Identity>();
    for (const { hash, caller } of before.#keys) {
      const now = this.#keys.find((known) => known.hash.equals(hash));
      // Sessions hold on to their caller: it stays the same object.
      if (now) now.caller = Object.assign(caller, now.caller);
      else {
        // One who is on the way in just now finds that it may do nothing, and that its time is over.
        Object.assign(caller, { grants: new Grants(), operations: NO_OPERATIONS, deadline: 0 });
        gone.add(caller);
      }
    }
    return gone;
  }
}

function callerOf({ hash, rooms, may }: ApiKey): Caller {
  const everything = rooms === undefined && may === undefined;
  return {
    kind: "key",
    key: hash,
    grants: new Grants(everything ? { "*": KEY_ACTIONS } : rooms),
    operations: new Set(everything ? OPERATIONS : may),
  };
}
