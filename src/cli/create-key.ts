// `thump key`: creates an API key, and its hash for the config.
import { createApiKey, hashApiKey } from "../auth/api-keys.ts";

/** Returns the text to print. */
export function createKey({ name, json }: { name: string; json?: true }): string {
  const key = createApiKey();
  const hash = hashApiKey(key);
  if (json) return `${JSON.stringify({ name, key, hash })}\n`;
  const entry = JSON.stringify({ name, hash });
  return `key    ${key}\nhash   ${hash}\n\nin thump.config.ts: access: { apiKeys: [${entry}] }\n`;
}
