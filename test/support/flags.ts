// Parses command-line arguments into flags, for tests of the configuration.
import { Command } from "commander";
import { addServe } from "../../src/cli/server-commands.ts";
import type { Flags } from "../../src/server/config/command-line.ts";

/** Returns the flags that `thump serve` parses from these arguments. */
export async function flagsOf(args: string[]): Promise<Flags> {
  let flags: Flags = {};
  const program = new Command();
  addServe(program, async (given) => void (flags = given));
  await program.parseAsync(args, { from: "user" });
  return flags;
}
