// What publish, tail and rooms have in common: which server, and by what credential.
import { type Command, Option } from "commander";
import { readFile } from "node:fs/promises";
import { serverUrl } from "./flag-values.ts";
import { CommandError, EXIT, EXIT_HELP, messageOf } from "./exit-codes.ts";

const DEFAULT_URL = "http://127.0.0.1:3000";

export interface ConnectionFlags {
  url: string;
  tokenFile?: string;
  json?: true;
}

/**
 * Adds `--url`, `--token-file` and `--json` to a command, and says the exit codes. No flag takes a credential itself:
 * others on the machine see flags.
 */
export function addConnection(command: Command, json: string): Command {
  const url = new Option("--url <url>", "the server").env("THUMP_URL").default(DEFAULT_URL, DEFAULT_URL);
  return command
    .optionsGroup("Server:")
    .addOption(url.argParser(serverUrl))
    .option(
      "--token-file <file>",
      "a file with a token or an API key in it; else THUMP_TOKEN or THUMP_API_KEY",
    )
    .option("--json", json)
    .addHelpText("after", `\n${EXIT_HELP}`);
}

/** What to show the server; nothing where there is nothing. @throws CommandError when the file cannot be read */
export async function readCredential(
  { tokenFile }: ConnectionFlags,
  env: Record<string, string | undefined>,
): Promise<string | undefined> {
  if (tokenFile === undefined) return env["THUMP_TOKEN"] || env["THUMP_API_KEY"] || undefined;
  const text = await readFile(tokenFile, "utf8").catch((error: unknown) => {
    throw new CommandError(`--token-file: ${messageOf(error)}`, EXIT.usage);
  });
  const credential = text.trim();
  if (!/^[\x21-\x7e]+$/.test(credential))
    throw new CommandError(`--token-file ${tokenFile}: it must hold one token or API key.`, EXIT.usage);
  return credential;
}
