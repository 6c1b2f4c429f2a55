// Flags as the command line reads them, for tests of what comes of them.
import { Command } from "commander";
import { addServe } from "../../src/cli/server-commands.ts";
import type { Flags } from "../../src/server/config/command-line.ts";

/** What `thump serve` would be given by these arguments. */
export async function flagsOf(args: string[]): Promise<Flags> {
  let flags: Flags = {};
  const program = new Command();
  addServe(program, async (given) => void (flags = given));
  await program.parseAsync(args, { from: "user" });
  return flags;
}
