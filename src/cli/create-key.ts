// `thump key`: makes an API key, and the hash of it that goes into the config.
import { createApiKey, hashApiKey } from "../auth/api-keys.ts";

/** What to print. */
export function createKey({ name, json }: { name: string; json?: true }): string {
  const made = createApiKey();
  const hash = hashApiKey(made);
  if (json) return `${JSON.stringify({ name, key: made, hash })}\n`;
  const entry = JSON.stringify({ name, hash });
  return `key    ${made}\nhash   ${hash}\n\nin thump.config.ts: access: { apiKeys: [${entry}] }\n`;
}
