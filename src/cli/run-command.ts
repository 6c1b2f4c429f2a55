// Runs a command line: the command that it names, or the server; and says in one line what went wrong.
import { type Command, CommanderError } from "commander";
import { CommandError, EXIT, type ExitCode } from "./exit-codes.ts";
import { printError, printFault } from "./terminal.ts";
import { checkArguments } from "./utf8.ts";
import { createProgram } from "./program.ts";

/** Runs it. The exit codes are those of `exit.ts`. */
export async function runCommand(args: string[]): Promise<void> {
  const program = createProgram();
  try {
    checkArguments(args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const { message, code } = explain(error, program, args);
    if (message !== undefined) printError(message);
    else if (code !== EXIT.ok) printFault(error);
    // What was interrupted did not fail of what followed from it. And nothing that still goes on is waited for.
    process.exit(process.exitCode === EXIT.interrupted ? EXIT.interrupted : code);
  }
}

/** What to say of an error, and how to exit. Nothing of a fault of ours: all that is known of it has to be said. */
function explain(error: unknown, program: Command, args: string[]): { message?: string; code: ExitCode } {
  if (error instanceof CommandError) return { message: error.message, code: error.exitCode };
  if (error instanceof CommanderError) {
    // Help or the version: printed already.
    if (error.exitCode === 0) return { code: EXIT.ok };
    return { message: wrongArguments(error, program, args), code: EXIT.usage };
  }
  // By its name: its class would load the server, which most commands do without.
  if (error instanceof Error && error.name === "OptionsError")
    return { message: error.message, code: EXIT.usage };
  return { code: EXIT.failure };
}

/** The library's words, on one line, with where to find help. */
function wrongArguments({ code, message }: CommanderError, program: Command, [first = ""]: string[]): string {
  const command = program.commands.find((one) => one.name() === first);
  if (!command && code === "commander.excessArguments" && !first.startsWith("-"))
    return `there is no command "${first}". See thump --help.`;
  const words = message
    .replace(/^error: /, "")
    .replace(/[\n ]+\(Did you mean (.*)\?\)/, "; did you mean $1?");
  return `${words.replace(/([^.?])$/, "$1.")} See thump ${command ? `${first} ` : ""}--help.`;
}
