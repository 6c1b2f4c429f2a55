// Runs a command line, and reports an error in one line.
import { type Command, CommanderError } from "commander";
import { CommandError, EXIT, type ExitCode } from "./exit-codes.ts";
import { printError, printFault } from "./terminal.ts";
import { checkArguments } from "./utf8.ts";
import { createProgram } from "./program.ts";

/** Runs the command, or starts the server if no command is given. The exit codes are defined in `exit-codes.ts`. */
export async function runCommand(args: string[]): Promise<void> {
  const program = createProgram();
  try {
    checkArguments(args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const { message, code } = explain(error, program, args);
    if (message !== undefined) printError(message);
    else if (code !== EXIT.ok) printFault(error);
    // After SIGINT, errors are consequences of the interrupt. Exit at once, without waiting for open handles.
    process.exit(process.exitCode === EXIT.interrupted ? EXIT.interrupted : code);
  }
}

/** The message and the exit code of an error. Internal errors have no message: the caller prints their stack. */
function explain(error: unknown, program: Command, args: string[]): { message?: string; code: ExitCode } {
  if (error instanceof CommandError) return { message: error.message, code: error.exitCode };
  if (error instanceof CommanderError) {
    // Help or the version was requested, and has been printed.
    if (error.exitCode === 0) return { code: EXIT.ok };
    return { message: wrongArguments(error, program, args), code: EXIT.usage };
  }
  // Compared by name, because importing the class would load the server.
  if (error instanceof Error && error.name === "OptionsError")
    return { message: error.message, code: EXIT.usage };
  return { code: EXIT.failure };
}

/** Converts Commander's message to one line that refers to the help. */
function wrongArguments({ code, message }: CommanderError, program: Command, [first = ""]: string[]): string {
  const command = program.commands.find((one) => one.name() === first);
  if (!command && code === "commander.excessArguments" && !first.startsWith("-"))
    return `unknown command "${first}". See thump --help.`;
  const text = message.replace(/^error: /, "").replace(/[\n ]+\(Did you mean (.*)\?\)/, "; did you mean $1?");
  return `${text.replace(/([^.?])$/, "$1.")} See thump ${command ? `${first} ` : ""}--help.`;
}
