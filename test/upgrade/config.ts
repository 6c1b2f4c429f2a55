// The config for the servers that write the fixtures and those that open them.
import { createHash } from "node:crypto";
import { SECRET } from "../support/tokens.ts";

export const KEY = `thump_${"k".repeat(43)}`;

/** Long enough that no publication expires before a test reads it. */
const FOR_EVER = { count: 1000, age: "36500d", bytes: "1MiB" };

export const CONFIG = {
  port: 0,
  log: "none",
  demo: false,
  console: false,
  access: {
    secrets: [SECRET],
    apiKeys: [{ name: "all", hash: createHash("sha256").update(KEY).digest("hex") }],
  },
  rooms: {
    "long:*": { history: FOR_EVER },
    "few:*": { history: { ...FOR_EVER, count: 2 } },
    "short:*": { history: { ...FOR_EVER, age: "1s" } },
    "none:*": { history: false },
    "open:*": { join: "anyone", publish: "anyone", history: FOR_EVER },
    "who:*": { history: FOR_EVER, presence: true },
  },
};
