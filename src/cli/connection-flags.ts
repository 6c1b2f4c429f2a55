// Flags shared by the client commands: the server's URL and the credential.
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
 * Adds `--url`, `--token-file`, `--json` and the exit codes to a command. No flag takes a credential directly, because
 * every user of the machine can read the flags of a process.
 */
export function addConnection(command: Command, json: string): Command {
  const url = new Option("--url <url>", "server URL").env("THUMP_URL").default(DEFAULT_URL, DEFAULT_URL);
  return command
    .optionsGroup("Server:")
    .addOption(url.argParser(serverUrl))
    .option(
      "--token-file <file>",
      "file with a token or an API key (default: THUMP_TOKEN, then THUMP_API_KEY)",
    )
    .option("--json", json)
    .addHelpText("after", `\n${EXIT_HELP}`);
}

/** Returns the credential to send, if there is one. @throws CommandError if the file cannot be read */
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
    throw new CommandError(
      `--token-file ${tokenFile}: the file must contain one token or API key.`,
      EXIT.usage,
    );
  return credential;
}
