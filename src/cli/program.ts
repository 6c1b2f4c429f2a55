// What may follow `thump`: the commands with their flags and help. What they do is loaded when it is asked for.
import { Command, type Help } from "commander";
import pkg from "../../package.json" with { type: "json" };
import { addBench, addPublish, addRooms, addTail } from "./client-commands.ts";
import { addCompletion } from "./completion.ts";
import { addBackup, addCheck, addKey, addServe, addToken, ENVIRONMENT_HELP } from "./server-commands.ts";

const HELP = `${ENVIRONMENT_HELP}

Examples:
  thump --port 8080
  thump tail chat:42 --last 10
  tail -F app.log | thump publish logs:api
  thump rooms 'chat:*'

What each command takes: thump <command> --help`;

/** The whole command line. It throws where commander would exit, and prints no errors. */
export function createProgram(): Command {
  const program = new Command("thump")
    .description("a broadcast server: what is published in a room, everyone in it receives")
    .usage("[options]            serve\n       thump <command> [options]")
    .version(pkg.version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const serve = addServe(program);
  program.configureHelp(withOptionsOf(serve)).addHelpText("after", HELP);
  for (const add of [
    addPublish,
    addTail,
    addRooms,
    addBench,
    addCheck,
    addBackup,
    addToken,
    addKey,
    addCompletion,
  ])
    add(program);
  return program;
}

/** `thump --help` shows what `thump` alone takes, which is what `thump serve` takes. */
function withOptionsOf(serve: Command): Partial<Help> {
  return {
    visibleOptions: (command) => {
      // Of `serve`, which was made before this: help as it is without it.
      const help = serve.createHelp();
      const own = help.visibleOptions(command);
      return command.parent ? own : [...help.visibleOptions(serve).slice(0, -1), ...own];
    },
  };
}
