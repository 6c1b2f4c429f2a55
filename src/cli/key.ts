// `thump key`: makes an API key, and the hash of it that goes into the config.
import { createApiKey, hashApiKey } from "../access/api-keys.ts";
import { parseFlags } from "../server/flags.ts";

const HELP = `Usage: thump key [--name <name>]

Prints a new API key, which is shown this once, and the line for the config, which holds its hash alone.
`;

/** What to print. @throws OptionsError */
export function key(args: string[]): string {
  const options = {
    name: { type: "string", default: "server" },
    help: { type: "boolean", short: "h" },
  } as const;
  const { name, help } = parseFlags("thump key", args, options).values;
  if (help) return HELP;
  const made = createApiKey();
  const entry = JSON.stringify({ name, hash: hashApiKey(made) });
  return `key    ${made}\nhash   ${hashApiKey(made)}\n\nin thump.config.ts: access: { apiKeys: [${entry}] }\n`;
}
