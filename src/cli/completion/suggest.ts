// Candidates for the next word of a command line, derived from the declared commands without running them. Pure.
import type { Command, Option } from "commander";
import { FLAGS } from "../../server/config/flag-table.ts";

/** Words that the shell completes itself: none, files or folders. */
export type Rest = "words" | "files" | "folders";

export interface Suggestions {
  /** Candidates that start with the typed word, and their descriptions. */
  words: [word: string, about: string][];
  rest: Rest;
}

/** @param words the command line without `thump`; the user is typing the last one */
export function suggest(program: Command, words: string[]): Suggestions {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const named = program.commands.find((one) => one.name() === before[0]);
  // Without a command, suggest the flags of the first command, which starts the server.
  const command = named ?? (program.commands[0] as Command);
  const { flag, place, onlyArguments } = positionAfter(command, before.slice(named ? 1 : 0));
  if (flag) return values(valuesOf(flag), restOf(flag.flags), current);
  if (!onlyArguments && current.startsWith("-")) return flags(named ?? program, command, current);
  if (before.length === 0) {
    const commands = program.createHelp().visibleCommands(program);
    return matching(
      commands.map((one) => [one.name(), one.description()]),
      current,
    );
  }
  const all = command.registeredArguments;
  const argument = all[place] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined);
  if (!argument) return matching([], current);
  const rest = argument.name() === "file" || argument.name() === "config" ? "files" : "words";
  return values(argument.argChoices ?? [], rest, current);
}

interface CommandPosition {
  /** The flag whose value is being typed. */
  flag: Option | undefined;
  /** Number of arguments before the current word. */
  place: number;
  /** After `--`, every word is an argument. */
  onlyArguments: boolean;
}

/** Derives the position from all complete words. */
function positionAfter(command: Command, before: string[]): CommandPosition {
  const position: CommandPosition = { flag: undefined, place: 0, onlyArguments: false };
  for (const word of before) {
    if (position.flag) position.flag = undefined;
    else if (position.onlyArguments || word === "-" || !word.startsWith("-")) position.place++;
    else if (word === "--") position.onlyArguments = true;
    else if (!word.includes("=")) position.flag = valued(command, word);
  }
  return position;
}

/** The flag with this name, if it takes a value. */
function valued(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short, required }) => required && (name === long || name === short));
}

/** Suggests flags, or the values of `--flag=part`. @param shown the command whose help lists the flags */
function flags(shown: Command, command: Command, current: string): Suggestions {
  const [name = "", value] = current.split(/=(.*)/s);
  if (value !== undefined) {
    const flag = valued(command, name);
    return flag ? values(valuesOf(flag), restOf(flag.flags), current, `${name}=`) : matching([], current);
  }
  const options = shown.createHelp().visibleOptions(shown);
  return matching(
    options.flatMap(({ long, short, description }): Suggestions["words"] =>
      // If a flag has a long and a short name, suggest only the long one.
      [long ?? short ?? ""].map((one) => [one, description]),
    ),
    current,
  );
}

function values(words: readonly string[], rest: Rest, current: string, prefix = ""): Suggestions {
  return {
    ...matching(
      words.map((word) => [prefix + word, ""]),
      current,
    ),
    rest,
  };
}

function matching(words: Suggestions["words"], current: string): Suggestions {
  return { words: words.filter(([word]) => word.startsWith(current)), rest: "words" };
}

/** The possible values of a flag with a fixed set. */
function valuesOf({ flags: text, argChoices }: Option): readonly string[] {
  return argChoices ?? FLAGS.find(({ flag }) => flag === text)?.values ?? [];
}

function restOf(text: string): Rest {
  if (text.endsWith("<file>")) return "files";
  return text.endsWith("<folder>") ? "folders" : "words";
}
