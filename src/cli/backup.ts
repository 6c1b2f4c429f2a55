// `thump backup`: copies the database in a data folder, even while a server writes to it.
import { backUp } from "../log/sqlite/online-backup.ts";
import { StoreError } from "../log/sqlite/store-error.ts";
import { OptionsError } from "../server/config/options.ts";

export interface BackupFlags {
  data: string;
  json?: true;
}

/** Makes the backup, and returns the text to print. @throws OptionsError if the backup fails */
export function backup(file: string, { data, json }: BackupFlags): string {
  try {
    const { publications, bytes } = backUp(data, file);
    if (json) return `${JSON.stringify({ file, publications, bytes })}\n`;
    return `${file}: ${publications} publications, ${bytes} bytes\n`;
  } catch (error) {
    if (error instanceof StoreError) throw new OptionsError(`backup: ${error.message}`);
    throw error;
  }
}
