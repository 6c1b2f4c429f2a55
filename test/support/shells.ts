// Interactive shells for completion tests. `thump` is on the PATH, and its completions are installed as documented.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cleanup } from "./cleanup.ts";
import { Inbox } from "./clients.ts";
import { run } from "./command.ts";
import { environment, folder, killAfter, THUMP } from "./process.ts";

/** Completes a line, with TAB or by inserting all candidates, and returns the result. */
export type Ask = (line: string, keys?: "tab" | "all") => Promise<string>;

const PROMPT = "ready> ";

/** `show` prints the current line and clears it. */
const BASH = `PS1='${PROMPT}'
bind 'set bell-style none'
bind '"\\C-xa": insert-completions'
show() { printf '<<%s>>\\n' "$READLINE_LINE"; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\\C-xb": show'
source <(thump completion bash)
`;
const ZSH = `PROMPT='${PROMPT}'
setopt no_beep
fpath=(~/.zfunc $fpath)
autoload -Uz compinit && compinit -u
show() { print -rn -- "<<$BUFFER>>"; BUFFER=; }
zle -N show && bindkey '^Xb' show
zle -C all complete-word _generic && bindkey '^Xa' all
zstyle ':completion:all:*' completer _all_matches _complete
zstyle ':completion:all:*' insert true
`;

/** Creates a home folder with these files and a `thump` command, and returns the environment. */
async function home(files: Record<string, string>): Promise<Record<string, string>> {
  const path = folder();
  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  };
  for (const [name, text] of Object.entries(files)) put(name, text);
  put("bin/thump", `#!/bin/sh\nexec ${THUMP.map((word) => `'${word}'`).join(" ")} "$@"\n`);
  chmodSync(join(path, "bin/thump"), 0o755);
  const PATH = `${join(path, "bin")}:${process.env["PATH"]}`;
  return environment({ HOME: path, PATH, TERM: "dumb", LC_ALL: "C.UTF-8" });
}

const script = async (shell: string) => (await run(["completion", shell])).out;

/** Starts an interactive bash. */
export async function bash(cwd: string): Promise<Ask> {
  return typing(["bash", "--noprofile", "-i"], await home({ ".bashrc": BASH }), cwd);
}

export async function zsh(cwd: string): Promise<Ask> {
  const files = { ".zshrc": ZSH, ".zfunc/_thump": await script("zsh") };
  return typing(["zsh", "-i"], await home(files), cwd);
}

/** Completes lines in fish, which can list its candidates. If there is only one candidate, TAB inserts it. */
export async function fish(cwd: string): Promise<Ask> {
  const env = await home({ ".config/fish/completions/thump.fish": await script("fish") });
  return async (line) => {
    const shell = Bun.spawn(["fish", "-c", "complete -C $argv[1]", line], { cwd, env, stderr: "pipe" });
    killAfter(shell);
    const [out, err] = await Promise.all([
      new Response(shell.stdout).text(),
      new Response(shell.stderr).text(),
    ]);
    if (err !== "") throw new Error(err);
    const words = out.split("\n").flatMap((one) => one.split("\t", 1)[0] || []);
    return `${line.slice(0, line.lastIndexOf(" ") + 1)}${words.join(" ")} `;
  };
}

async function typing(start: string[], env: Record<string, string>, cwd: string): Promise<Ask> {
  const printed = new Inbox<string>();
  const decoder = new TextDecoder();
  const child = Bun.spawn(start, {
    cwd,
    env,
    terminal: {
      cols: 200,
      rows: 50,
      data: (_, bytes) => printed.push(decoder.decode(bytes, { stream: true })),
    },
  });
  killAfter(child);
  cleanup(() => child.terminal?.close());
  let seen = 0;
  /** Waits for the pattern in the output since the previous match, and returns its first group. */
  const until = async (pattern: RegExp): Promise<string> => {
    const rest = () => printed.all.join("").slice(seen);
    await printed.until(() => pattern.test(rest()));
    const found = pattern.exec(rest()) as RegExpExecArray;
    seen += found.index + found[0].length;
    return found[1] ?? "";
  };
  await until(/ready> /);
  return async (line, keys = "tab") => {
    child.terminal?.write(`${line}${keys === "tab" ? "\t" : "\x18a"}\x18b`);
    return until(/<<(.*)>>/);
  };
}
