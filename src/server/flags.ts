// Flags of a command line: what is wrong with them is said in one line, with where to find help.
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { OptionsError } from "./options.ts";

/**
 * Reads flags.
 * @param command whose they are, as one would type it
 * @throws OptionsError for one that does not exist
 */
export function parseFlags<const T extends ParseArgsOptionsConfig>(
  command: string,
  args: string[],
  options: T,
  allowPositionals = false,
) {
  try {
    return parseArgs({ args, options, allowPositionals });
  } catch (error) {
    throw new OptionsError(`${(error as Error).message} See ${command} --help.`);
  }
}
