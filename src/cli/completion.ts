// `thump completion <shell>`: prints a script that asks `thump complete -- <words>` for candidates.
import { Argument, type Command } from "commander";
import { print } from "./terminal.ts";
import { suggest } from "./completion/suggest.ts";
import bash from "./completion/thump.bash" with { type: "text" };
import fish from "./completion/thump.fish" with { type: "text" };
import zsh from "./completion/thump.zsh" with { type: "text" };

const SCRIPTS: Record<string, string> = { bash, zsh, fish };

/** Adds `completion`, and the hidden command `complete` that the scripts call. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a completion script for a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SCRIPTS)))
    .addHelpText(
      "after",
      `
Examples:
  source <(thump completion bash)              # in ~/.bashrc
  thump completion zsh > ~/.zfunc/_thump       # with fpath=(~/.zfunc $fpath) before compinit in ~/.zshrc
  thump completion fish > ~/.config/fish/completions/thump.fish`,
    )
    .action((shell: string) => print(SCRIPTS[shell] ?? ""));
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action((given: string[]) => {
      const { words, rest } = suggest(program, given);
      const lines = words.map(([word, about]) => (about === "" ? word : `${word}\t${about}`));
      // The last line names a kind of word that the shell completes itself.
      print([...lines, `:${rest}`, ""].join("\n"));
    });
}
