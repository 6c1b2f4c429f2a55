// What could come next on a command line: read off the commands as they are, without running any of them. Pure.
import type { Command, Option } from "commander";
import { FLAGS } from "../../server/config/flag-table.ts";

/** What else may come: nothing, a file, a folder. */
export type Rest = "words" | "files" | "folders";

export interface Suggestions {
  /** Those that begin with what was typed, and what they are. */
  words: [word: string, about: string][];
  rest: Rest;
}

/** @param words what follows `thump`; the last one is being typed */
export function suggest(program: Command, words: string[]): Suggestions {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const named = program.commands.find((one) => one.name() === before[0]);
  // Without a command it is the first one: the server.
  const command = named ?? (program.commands[0] as Command);
  const { flag, place, onlyArguments } = read(command, before.slice(named ? 1 : 0));
  if (flag) return values(valuesOf(flag), restOf(flag.flags), current);
  if (!onlyArguments && current.startsWith("-")) return flags(named ?? program, command, current);
  if (before.length === 0) {
    const commands = program.createHelp().visibleCommands(program);
    return fitting(
      commands.map((one) => [one.name(), one.description()]),
      current,
    );
  }
  const all = command.registeredArguments;
  const argument = all[place] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined);
  if (!argument) return fitting([], current);
  const rest = argument.name() === "file" || argument.name() === "config" ? "files" : "words";
  return values(argument.argChoices ?? [], rest, current);
}

interface CommandPosition {
  /** Its value is what is being typed. */
  flag: Option | undefined;
  /** So many arguments are there already. */
  place: number;
  /** After `--` nothing is a flag. */
  onlyArguments: boolean;
}

/** What the words before come to. */
function read(command: Command, before: string[]): CommandPosition {
  const standing: CommandPosition = { flag: undefined, place: 0, onlyArguments: false };
  for (const word of before) {
    if (standing.flag) standing.flag = undefined;
    else if (standing.onlyArguments || word === "-" || !word.startsWith("-")) standing.place++;
    else if (word === "--") standing.onlyArguments = true;
    else if (!word.includes("=")) standing.flag = valued(command, word);
  }
  return standing;
}

/** The flag of that name, if it takes a value. */
function valued(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short, required }) => required && (name === long || name === short));
}

/** Flags; of `--flag=part`, its values. @param shown whose help names them */
function flags(shown: Command, command: Command, current: string): Suggestions {
  const [name = "", value] = current.split(/=(.*)/s);
  if (value !== undefined) {
    const flag = valued(command, name);
    return flag ? values(valuesOf(flag), restOf(flag.flags), current, `${name}=`) : fitting([], current);
  }
  const options = shown.createHelp().visibleOptions(shown);
  return fitting(
    options.flatMap(({ long, short, description }): Suggestions["words"] =>
      // Two names for the same are one too many to choose from.
      [long ?? short ?? ""].map((one) => [one, description]),
    ),
    current,
  );
}

function values(words: readonly string[], rest: Rest, current: string, prefix = ""): Suggestions {
  return {
    ...fitting(
      words.map((word) => [prefix + word, ""]),
      current,
    ),
    rest,
  };
}

function fitting(words: Suggestions["words"], current: string): Suggestions {
  return { words: words.filter(([word]) => word.startsWith(current)), rest: "words" };
}

/** What a flag may be set to, where that is a choice. */
function valuesOf({ flags: text, argChoices }: Option): readonly string[] {
  return argChoices ?? FLAGS.find(({ flag }) => flag === text)?.values ?? [];
}

function restOf(text: string): Rest {
  if (text.endsWith("<file>")) return "files";
  return text.endsWith("<folder>") ? "folders" : "words";
}
