// API keys: credentials for backends. The server stores only their hashes.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Identity } from "../hub/session.ts";
import { KEY_ACTIONS, OPERATIONS } from "./actions.ts";
import { type Principal, NO_OPERATIONS } from "./principal.ts";
import { Grants } from "./grants.ts";
import { invalidToken } from "./auth-error.ts";
import type { ApiKey } from "./auth-options.ts";

/** Distinguishes keys from tokens, and makes leaked keys easy to find. */
const KEY_PREFIX = "thump_";

/** Whether a credential has the form of an API key. */
export function isApiKey(credential: string): boolean {
  return credential.startsWith(KEY_PREFIX);
}

/** Creates a key with 256 random bits. */
export function createApiKey(): string {
  return KEY_PREFIX + randomBytes(32).toString("base64url");
}

/** The hash that the server stores for a key. A random key needs neither a salt nor a slow hash. */
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

  /**
   * Returns a key's principal. Compares the key's hash with every stored hash in constant time.
   * @throws ThumpError `unauthorized`
   */
  find(key: string): Principal {
    const hash = digest(key);
    let found: Principal | undefined;
    for (const known of this.#keys) if (timingSafeEqual(hash, known.hash)) found = known.principal;
    if (!found) throw invalidToken("Unknown API key.");
    return found;
  }

  /**
   * Replaces the keys in `before`. Sessions whose key still exists get the key's new permissions. Returns the
   * identities whose key was removed.
   */
  inherit(before: ApiKeys): Set<Identity> {
    const gone = new Set<Identity>();
    for (const { hash, principal } of before.#keys) {
      const now = this.#keys.find((known) => known.hash.equals(hash));
      // Sessions refer to the principal, so the principal must stay the same object.
      if (now) now.principal = Object.assign(principal, now.principal);
      else {
        // The key was removed. Requests in progress that use it lose all permissions and treat the key as expired.
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
