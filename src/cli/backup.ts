// `thump backup`: copies the file of a data folder, also while a server writes to it.
import { backUp } from "../log/sqlite/backup.ts";
import { StoreError } from "../log/sqlite/store-error.ts";
import { parseFlags } from "../server/flags.ts";
import { OptionsError } from "../server/options.ts";

const HELP = `Usage: thump backup --data <folder> <file>

Copies what is kept in a data folder to a new file, also while a server runs on it. To restore it, stop the server and
put the file into an empty folder as thump.db. Clients that come back with older cursors get a gap notice.

  --data <folder>   the folder                              THUMP_DATA
  --help
`;

const FLAGS = { data: { type: "string" }, help: { type: "boolean", short: "h" } } as const;

/** What to print. @throws OptionsError */
export function backup(args: string[], env: Record<string, string | undefined>): string {
  const { values, positionals } = parseFlags("thump backup", args, FLAGS, true);
  if (values.help) return HELP;
  const dir = values.data ?? env["THUMP_DATA"];
  const [file, ...others] = positionals;
  if (dir === undefined) throw new OptionsError("backup: of which folder? Name it with --data.");
  if (file === undefined || others.length > 0)
    throw new OptionsError("backup takes one file. See thump backup --help.");
  try {
    const { publications, bytes } = backUp(dir, file);
    return `${file}: ${publications} publications, ${bytes} bytes\n`;
  } catch (error) {
    if (error instanceof StoreError) throw new OptionsError(`backup: ${error.message}`);
    throw error;
  }
}
