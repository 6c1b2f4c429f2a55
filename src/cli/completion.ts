// `thump completion <shell>`: scripts that ask `thump complete -- <words>` what could come next.
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/** Where a file is wanted, the shell's own completion is asked for (cobra's ShellCompDirectiveDefault). */
const FILES = ":0\n";

/** Adds `completion`, and the hidden `complete` that the scripts call. Last: it reads what the others are. */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: "completion" });
  const [completion, complete] = ["completion", "complete"].map((name) =>
    program.commands.find((command) => command.name() === name),
  );
  completion?.description("print a completion script for a shell").addHelpText(
    "after",
    `
Examples:
  thump completion bash > ~/.local/share/bash-completion/completions/thump
  thump completion zsh > ~/.zfunc/_thump       # with ~/.zfunc in fpath
  thump completion fish > ~/.config/fish/completions/thump.fish`,
  );
  complete?.hook("preAction", (_, { args }) => {
    if (!wantsFile(program, args)) return;
    process.stdout.write(FILES);
    process.exit();
  });
}

/** Whether the word that is being typed is a file's name: the value of such a flag, or `thump check`'s argument. */
function wantsFile(program: Command, words: string[]): boolean {
  const command = program.commands.find((one) => one.name() === words[0]) ?? program.commands[0];
  const [current = "", before = ""] = words.toReversed();
  if (current.startsWith("-")) return false;
  const flag = command?.options.find(({ long, short }) => before === long || before === short);
  if (flag) return flag.flags.endsWith("<file>");
  return command?.name() === "check" && words.length === 2;
}
