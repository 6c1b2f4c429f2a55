// `thump key`: makes an API key, and the hash of it that goes into the config.
import { parseArgs } from "node:util";
import { createApiKey, hashApiKey } from "../access/api-keys.ts";
import { OptionsError } from "../server/options.ts";

const HELP = `Usage: thump key [--name <name>]

Prints a new API key, which is shown this once, and the line for the config, which holds its hash alone.
`;

/** What to print. @throws OptionsError */
export function key(args: string[]): string {
  const { name, help } = readFlags(args);
  if (help) return HELP;
  const made = createApiKey();
  const entry = JSON.stringify({ name, hash: hashApiKey(made) });
  return `key    ${made}\nhash   ${hashApiKey(made)}\n\nin thump.config.ts: access: { apiKeys: [${entry}] }\n`;
}

function readFlags(args: string[]): { name: string; help: boolean } {
  try {
    const { values } = parseArgs({
      args,
      options: { name: { type: "string" }, help: { type: "boolean", short: "h" } },
      allowPositionals: false,
    });
    return { name: values.name ?? "server", help: values.help ?? false };
  } catch (error) {
    throw new OptionsError(`${(error as Error).message} See thump key --help.`);
  }
}
