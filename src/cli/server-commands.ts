// The commands about a server of one's own: serve, check, backup, token, key.
import { type Command, Option } from "commander";
import { TOKEN_ACTIONS } from "../auth/actions.ts";
import type { Flags } from "../server/config/command-line.ts";
import { flagName, FLAG_GROUPS, type FlagDefinition, FLAGS } from "../server/config/flag-table.ts";
import type { BackupFlags } from "./backup.ts";
import { repeated } from "./flag-values.ts";
import { EXIT_HELP } from "./exit-codes.ts";
import { print } from "./terminal.ts";
import type { TokenFlags } from "./create-token.ts";

const BY_ENVIRONMENT = FLAGS.filter(({ flag }) => flag === undefined);

/** What no flag sets. */
export const ENVIRONMENT_HELP = `
By the environment alone (others on the machine see flags):
${BY_ENVIRONMENT.map(({ env, description }) => `  ${env}  ${description}`).join("\n")}`;

const SERVE_HELP = `${ENVIRONMENT_HELP}

A room is a URL: POST to it to speak, GET it to listen.

Examples:
  thump --port 8080
  thump --rooms '{"ticker:*":{"lag":"latest","history":{"count":1}}}'
  curl -d 'hi' http://127.0.0.1:3000/rooms/chat
  curl -N -H 'accept: text/event-stream' http://127.0.0.1:3000/rooms/chat

Flags go before the environment, that before the config file.
Signals: SIGTERM and SIGINT drain, then stop; SIGHUP reads the configuration again.
Exit codes: 0 stopped, 1 could not start or was stopped twice, 2 the options are wrong.`;

async function startServer(flags: Flags): Promise<void> {
  const { start } = await import("../server/start.ts");
  await start(flags);
}

/** `thump serve`, and `thump` alone: its flags are those of the table. */
export function addServe(program: Command, run = startServer): Command {
  const serve = program
    .command("serve", { isDefault: true })
    .description("start the server; also without a command")
    .addHelpText("after", SERVE_HELP)
    .action(() => run(given(serve)));
  for (const { title, flags } of FLAG_GROUPS) for (const flag of flags) addFlag(serve, flag, `${title}:`);
  return serve;
}

function addFlag(serve: Command, definition: FlagDefinition, group: string): void {
  const { flag, off, reads, description } = definition;
  if (flag === undefined) return;
  const option = new Option(flag, `${description} (${hints(definition)})`).helpGroup(group);
  if (reads === "list") option.argParser(repeated);
  serve.addOption(option);
  if (off) serve.addOption(new Option(`--no-${flagName(definition)}`, "without it").helpGroup(group));
}

function hints({ fallback, env, reads }: FlagDefinition): string {
  const variable = `env: ${env}${reads === "switch" ? "=0, =1" : reads === "list" ? ", comma-separated" : ""}`;
  return fallback === undefined ? variable : `default: ${fallback}, ${variable}`;
}

/** What was given as flags, by name. A `--no-…` alone makes its opposite a default: that was not given. */
function given(serve: Command): Flags {
  return Object.fromEntries(
    serve.options
      .filter((option) => serve.getOptionValueSource(option.attributeName()) === "cli")
      .map((option) => [option.name().replace(/^no-/, ""), serve.getOptionValue(option.attributeName())]),
  ) as Flags;
}

/** `thump check`. */
export function addCheck(program: Command): void {
  program
    .command("check")
    .description("whether a config can be used, and what it comes to")
    .argument("[config]", "the file; else thump.config.ts or .json here, or THUMP_CONFIG")
    .option("--room <name>", "print the rule of a room, and the pattern that it has it from")
    .addHelpText(
      "after",
      `
Reads options as the server would (a file, the environment, defaults) and says what is wrong with them. Prints the
effective options as JSON, with durations in seconds and sizes in bytes. Secrets are not shown.

Examples:
  thump check
  thump check prod.json --room chat:42

Exits with 0 when they can be used, with 2 when they cannot.`,
    )
    .action(async (config: string | undefined, { room }: { room?: string }) => {
      const { check } = await import("./check.ts");
      print(await check(config, room, process.env, process.cwd()));
    });
}

/** `thump token`. */
export function addToken(program: Command): void {
  program
    .command("token")
    .description("print a token, signed with the server's secret")
    .option("--sub <user>", "the user")
    .option(
      "--room <grant>",
      `what it may do where: '<pattern>=${TOKEN_ACTIONS.join(",")}'; repeatable`,
      repeated,
    )
    .option("--ttl <time>", "for how long", "1h")
    .option("--info <json>", "what others may see of the user")
    .option("--id <jti>", "its name, to revoke it by (a random one)")
    .option(
      "--secret-file <file>",
      "a file with the secret that signs it, - for standard input; else THUMP_SECRET, else the first in the config",
    )
    .addOption(new Option("--secret [secret]").hideHelp())
    .option("--config <file>", "thump.config.ts or .json (env: THUMP_CONFIG)")
    .option("--json", 'print {"token":…}')
    .addHelpText(
      "after",
      `
Example:
  thump token --sub u7 --room 'chat:*=join,publish' --ttl 1h

${EXIT_HELP}`,
    )
    .action(async (flags: TokenFlags) => {
      const { createToken } = await import("./create-token.ts");
      print(await createToken(flags, process.env, process.cwd()));
    });
}

/** `thump key`. */
export function addKey(program: Command): void {
  program
    .command("key")
    .description("print a new API key, which is shown this once, and its hash for the config")
    .option("--name <name>", "what it is called in the config and in logs", "server")
    .option("--json", 'print {"name":…,"key":…,"hash":…}')
    .addHelpText("after", "\nExample:\n  thump key --name backend\n\nThe config holds the hash alone.")
    .action(async (flags: { name: string; json?: true }) => {
      const { createKey } = await import("./create-key.ts");
      print(createKey(flags));
    });
}

/** `thump backup`. */
export function addBackup(program: Command): void {
  program
    .command("backup")
    .description("copy the file of a data folder, also while a server runs on it")
    .argument("<file>", "the new file")
    .addOption(new Option("--data <folder>", "the folder").env("THUMP_DATA").makeOptionMandatory())
    .option("--json", 'print {"file":…,"publications":…,"bytes":…}')
    .addHelpText(
      "after",
      `
To restore it, stop the server and put the file into an empty folder as thump.db. Clients that come back with older
cursors get a gap notice.

Example:
  thump backup --data ./data backup.db

${EXIT_HELP}`,
    )
    .action(async (file: string, flags: BackupFlags) => {
      const { backup } = await import("./backup.ts");
      print(backup(file, flags));
    });
}
