#!/usr/bin/env bun
// What `bun run start` and the binary run.
import { key } from "./cli/key.ts";
import { token } from "./cli/token.ts";
import { OptionsError } from "./server/options.ts";
import { start } from "./server/start.ts";

/** Commands that print something and are done. */
const COMMANDS = new Map<string, (args: string[]) => string | Promise<string>>([
  ["token", (args) => token(args, process.env, process.cwd())],
  ["key", key],
]);

const [name = "", ...args] = process.argv.slice(2);
const command = COMMANDS.get(name);
if (!command) await start(process.argv.slice(2));
else {
  try {
    process.stdout.write(await command(args));
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    console.error(`thump: ${error.message}`);
    process.exitCode = 2;
  }
}
