// `thump check`: whether a config can be used, what it comes to, and which rule a room has.
import { parseArgs } from "node:util";
import { ThumpError } from "../protocol/codes.ts";
import { checkRoomName } from "../protocol/names.ts";
import type { Rules } from "../rooms/rules.ts";
import { serverSettings } from "./app.ts";
import { readFlags, readOptions } from "./command-line.ts";
import { OptionsError, type Settings } from "./options.ts";
import { rulesOf } from "./rules.ts";

const HELP = `thump check [config] [--room <name>]

Reads options as the server would (a file, the environment, defaults) and says what is wrong with them.

  config          the file; without it thump.config.ts or .json here, or THUMP_CONFIG
  --room <name>   print the rule of a room, and the pattern that it has it from
  --help

Prints the effective options as JSON, with durations in seconds and sizes in bytes. Secrets are not shown.
Exits with 0 when they can be used, with 2 when they cannot.
`;

/** Runs it. @throws OptionsError */
export async function check(args: string[]): Promise<number> {
  const { values, positionals } = read(args);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (positionals.length > 1) throw new OptionsError("check takes one file. See thump check --help.");
  const [file] = positionals;
  const flags = readFlags(file === undefined ? [] : ["--config", file]);
  const settings = serverSettings(await readOptions(flags, process.env, process.cwd()));
  const rules = rulesOf(settings);
  const answer = values.room === undefined ? printable(settings) : ruleOf(values.room, rules, settings);
  console.log(JSON.stringify(answer, undefined, 2));
  return 0;
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      options: { room: { type: "string" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new OptionsError(`${(error as Error).message} See thump check --help.`);
  }
}

function ruleOf(room: string, rules: Rules, { rooms }: Settings): object {
  try {
    checkRoomName(room);
  } catch (error) {
    if (error instanceof ThumpError) throw new OptionsError(error.message);
    throw error;
  }
  const { pattern, bounds, check: _, ...rest } = rules.of(room);
  const known = Object.hasOwn(rooms, pattern);
  const { schema } = (known && rooms[pattern]) || {};
  return {
    room,
    pattern: known ? pattern : null,
    rule: { history: bounds.count > 0 && bounds, ...rest, ...(schema === undefined ? {} : { schema }) },
  };
}

/** The settings as a config says them, and as they may be shown. A rule's schema may well speak of tokens, and is no secret. */
function printable({ rooms, maxMessage, maxBody, roomsPerSession, ...others }: Settings): object {
  const settings = {
    ...others,
    heartbeat: others.heartbeat / 1000,
    drain: others.drain / 1000,
    prefix: others.prefix || undefined,
    limits: { message: maxMessage, body: maxBody, rooms: roomsPerSession },
  };
  const text = JSON.stringify(settings, (name, value: unknown) =>
    /secret|password|token|keys?$/i.test(name) && value !== undefined ? "(not shown)" : value,
  );
  return { ...(JSON.parse(text) as object), rooms };
}
