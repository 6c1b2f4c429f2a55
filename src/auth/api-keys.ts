// API keys: of servers, that publish and operate. Only their hashes are kept.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Identity } from "../hub/session.ts";
import { KEY_ACTIONS, OPERATIONS } from "./actions.ts";
import { type Principal, NO_OPERATIONS } from "./principal.ts";
import { Grants } from "./grants.ts";
import { invalidToken } from "./auth-error.ts";
import type { ApiKey } from "./auth-options.ts";

/** So a key can be told from a token, and found by those who search what leaked. */
const KEY_PREFIX = "thump_";

/** Whether a credential is meant to be an API key. */
export function isApiKey(credential: string): boolean {
  return credential.startsWith(KEY_PREFIX);
}

/** A new key, with 256 random bits. */
export function createApiKey(): string {
  return KEY_PREFIX + randomBytes(32).toString("base64url");
}

/** What is kept of a key. It is random itself: it needs no salt, and no slow hash. */
export function hashApiKey(key: string): string {
  return digest(key).toString("hex");
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

interface KnownKey {
  hash: Buffer;
  principal: Principal;
}

export class ApiKeys {
  readonly #keys: KnownKey[];

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys.map((key) => ({ hash: Buffer.from(key.hash, "hex"), principal: principalOf(key) }));
  }

  /** Whose key it is. Every hash is compared, in a time that tells nothing. @throws ThumpError `unauthorized` */
  find(key: string): Principal {
    const hash = digest(key);
    let found: Principal | undefined;
    for (const known of this.#keys) if (timingSafeEqual(hash, known.hash)) found = known.principal;
    if (!found) throw invalidToken("This server does not know this API key.");
    return found;
  }

  /**
   * Takes the place of other keys. Who is here by one of them may from now on do what it may do now; returned are
   * those whose key is gone.
   */
  inherit(before: ApiKeys): Set<Identity> {
    const gone = new Set<Identity>();
    for (const { hash, principal } of before.#keys) {
      const now = this.#keys.find((known) => known.hash.equals(hash));
      // Sessions hold on to their caller: it stays the same object.
      if (now) now.principal = Object.assign(principal, now.principal);
      else {
        // One who is on the way in just now finds that it may do nothing, and that its time is over.
        Object.assign(principal, { grants: new Grants(), operations: NO_OPERATIONS, deadline: 0 });
        gone.add(principal);
      }
    }
    return gone;
  }
}

function principalOf({ hash, rooms, may }: ApiKey): Principal {
  const everything = rooms === undefined && may === undefined;
  return {
    kind: "key",
    key: hash,
    grants: new Grants(everything ? { "*": KEY_ACTIONS } : rooms),
    operations: new Set(everything ? OPERATIONS : may),
  };
}
