// The words that `thump` may be followed by. Without one it serves.
import { OptionsError } from "../server/options.ts";
import { start } from "../server/start.ts";
import { backup } from "./backup.ts";
import { check } from "./check.ts";
import { key } from "./key.ts";
import { token } from "./token.ts";

type Environment = Record<string, string | undefined>;
/** What to print. @throws OptionsError */
type Command = (args: string[], env: Environment, cwd: string) => string | Promise<string>;

const COMMANDS = new Map<string, Command>([
  ["backup", backup],
  ["check", check],
  ["token", token],
  ["key", key],
]);

/** Runs the command that the first argument names, or the server. Exits with 2 when the arguments are wrong. */
export async function run(args: string[]): Promise<void> {
  const [name = "", ...rest] = args;
  const command = COMMANDS.get(name);
  if (!command) return start(args);
  try {
    process.stdout.write(await command(rest, process.env, process.cwd()));
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    console.error(`thump: ${error.message}`);
    process.exitCode = 2;
  }
}
