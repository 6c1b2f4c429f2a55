// The words that `thump` may be followed by. Without one it serves.
import { check } from "./check.ts";
import { OptionsError } from "./options.ts";
import { start } from "./start.ts";

/** Prints what it has to say, and returns the exit code. */
type Command = (args: string[]) => Promise<number>;

const COMMANDS = new Map<string, Command>([["check", check]]);

/** Runs the command that the first argument names, or the server. Exits with 2 when the arguments are wrong. */
export async function run(args: string[]): Promise<void> {
  const [name = "", ...rest] = args;
  const command = COMMANDS.get(name);
  if (!command) return start(args);
  try {
    process.exitCode = await command(rest);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    console.error(`thump: ${error.message}`);
    process.exitCode = 2;
  }
}
