// The command line of `thump`: commands, flags and help. The code of a command is loaded when it runs.
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

For help on a command: thump <command> --help`;

/** The whole command line. It throws where commander would exit, and prints no errors. */
export function createProgram(): Command {
  const program = new Command("thump")
    .description("broadcast server: delivers each message of a room to every client in the room")
    .usage("[options]            start the server\n       thump <command> [options]")
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

/** Makes `thump --help` list the flags of `thump serve`, which `thump` accepts too. */
function withOptionsOf(serve: Command): Partial<Help> {
  return {
    visibleOptions: (command) => {
      // Get the options from a separate help object of `serve`, to which this configuration does not apply.
      const help = serve.createHelp();
      const own = help.visibleOptions(command);
      return command.parent ? own : [...help.visibleOptions(serve).slice(0, -1), ...own];
    },
  };
}
