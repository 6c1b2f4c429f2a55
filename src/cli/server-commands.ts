// Commands for operating a server: serve, check, backup, token, key.
import { type Command, Option } from "commander";
import { TOKEN_ACTIONS } from "../auth/actions.ts";
import type { Flags } from "../server/config/command-line.ts";
import { flagName, FLAG_GROUPS, type FlagDefinition, FLAGS } from "../server/config/flag-table.ts";
import type { BackupFlags } from "./backup.ts";
import { repeated } from "./flag-values.ts";
import { EXIT_HELP } from "./exit-codes.ts";
import { print } from "./terminal.ts";
import type { TokenFlags } from "./create-token.ts";

const ENVIRONMENT_ONLY = FLAGS.filter(({ flag }) => flag === undefined);

/** Help on the options that have no flag. */
export const ENVIRONMENT_HELP = `
Environment only, because every user of the machine can read flags:
${ENVIRONMENT_ONLY.map(({ env, description }) => `  ${env}  ${description}`).join("\n")}`;

const SERVE_HELP = `${ENVIRONMENT_HELP}

A room is a URL: POST to it to publish, GET it to subscribe.

Examples:
  thump --port 8080
  thump --rooms '{"ticker:*":{"lag":"latest","history":{"count":1}}}'
  curl -d 'hi' http://127.0.0.1:3000/rooms/chat
  curl -N -H 'accept: text/event-stream' http://127.0.0.1:3000/rooms/chat

Flags take precedence over the environment, which takes precedence over the config file.
Signals: SIGTERM and SIGINT drain and stop the server; SIGHUP reloads the configuration.
Exit codes: 0 stopped, 1 could not start or was stopped twice, 2 invalid options.`;

async function startServer(flags: Flags): Promise<void> {
  const { start } = await import("../server/start.ts");
  await start(flags);
}

/** Adds `thump serve`, the default command. Its flags come from the flag table. */
export function addServe(program: Command, run = startServer): Command {
  const serve = program
    .command("serve", { isDefault: true })
    .description("start the server (the default command)")
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
  if (off) serve.addOption(new Option(`--no-${flagName(definition)}`, "disable it").helpGroup(group));
}

function hints({ fallback, env, reads }: FlagDefinition): string {
  const variable = `env: ${env}${reads === "switch" ? "=0, =1" : reads === "list" ? ", comma-separated" : ""}`;
  return fallback === undefined ? variable : `default: ${fallback}, ${variable}`;
}

/** The flags given on the command line, by name. Omits defaults, such as the one that a `--no-…` flag implies. */
function given(serve: Command): Flags {
  return Object.fromEntries(
    serve.options
      .filter((option) => serve.getOptionValueSource(option.attributeName()) === "cli")
      .map((option) => [option.name().replace(/^no-/, ""), serve.getOptionValue(option.attributeName())]),
  ) as Flags;
}

/** Adds `thump check`. */
export function addCheck(program: Command): void {
  program
    .command("check")
    .description("validate a config, and print the effective options")
    .argument("[config]", "config file (default: THUMP_CONFIG, then thump.config.ts or .json in this folder)")
    .option("--room <name>", "print the rule of a room, and the pattern that matched it")
    .addHelpText(
      "after",
      `
Reads options as the server does (config file, environment, defaults), and reports errors. Prints the effective options
as JSON, with durations in seconds and sizes in bytes. Secrets are not shown.

Examples:
  thump check
  thump check prod.json --room chat:42

Exits with 0 if the options are valid, and with 2 if they are not.`,
    )
    .action(async (config: string | undefined, { room }: { room?: string }) => {
      const { check } = await import("./check.ts");
      print(await check(config, room, process.env, process.cwd()));
    });
}

/** Adds `thump token`. */
export function addToken(program: Command): void {
  program
    .command("token")
    .description("print a token signed with the server's secret")
    .option("--sub <user>", "user name")
    .option("--room <grant>", `grant for rooms: '<pattern>=${TOKEN_ACTIONS.join(",")}'; repeatable`, repeated)
    .option("--ttl <time>", "lifetime", "1h")
    .option("--info <json>", "public details about the user")
    .option("--id <jti>", "token ID, used to revoke the token (default: random)")
    .option(
      "--secret-file <file>",
      "file with the signing secret, - for standard input (default: THUMP_SECRET, then the first secret in the config)",
    )
    .addOption(new Option("--secret [secret]").hideHelp())
    .option("--config <file>", "config file (env: THUMP_CONFIG)")
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

/** Adds `thump key`. */
export function addKey(program: Command): void {
  program
    .command("key")
    .description("print a new API key, which is not shown again, and its hash for the config")
    .option("--name <name>", "name in the config and in logs", "server")
    .option("--json", 'print {"name":…,"key":…,"hash":…}')
    .addHelpText("after", "\nExample:\n  thump key --name backend\n\nThe config holds only the hash.")
    .action(async (flags: { name: string; json?: true }) => {
      const { createKey } = await import("./create-key.ts");
      print(createKey(flags));
    });
}

/** Adds `thump backup`. */
export function addBackup(program: Command): void {
  program
    .command("backup")
    .description("back up a data folder, even while a server uses it")
    .argument("<file>", "the new file")
    .addOption(new Option("--data <folder>", "the data folder").env("THUMP_DATA").makeOptionMandatory())
    .option("--json", 'print {"file":…,"publications":…,"bytes":…}')
    .addHelpText(
      "after",
      `
To restore a backup, stop the server and put the file into an empty folder as thump.db. Clients that reconnect receive a
gap notice, then all stored messages.

Example:
  thump backup --data ./data backup.db

${EXIT_HELP}`,
    )
    .action(async (file: string, flags: BackupFlags) => {
      const { backup } = await import("./backup.ts");
      print(backup(file, flags));
    });
}
