// A Lua script for Redis: its text, and the hash that identifies the script in Redis.
import { createHash } from "node:crypto";

export interface Script {
  readonly text: string;
  readonly sha: string;
}

export function script(...parts: string[]): Script {
  const text = parts.join("\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
