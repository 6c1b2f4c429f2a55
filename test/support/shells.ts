// Shells with a user in front of them, for completion: `thump` is on the PATH, its script is where the docs put it.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cleanup } from "./cleanup.ts";
import { Inbox } from "./clients.ts";
import { run } from "./command.ts";
import { environment, folder, killAfter, THUMP } from "./process.ts";

/** What a line becomes: with TAB, or with all that TAB would offer put in. */
export type Ask = (line: string, keys?: "tab" | "all") => Promise<string>;

const PROMPT = "ready> ";

/** Shows what was typed so far, and empties the line. */
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

/** A home with these files, where `thump` is a command. */
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

/** A shell that waits for keys. */
export async function bash(cwd: string): Promise<Ask> {
  return typing(["bash", "--noprofile", "-i"], await home({ ".bashrc": BASH }), cwd);
}

export async function zsh(cwd: string): Promise<Ask> {
  const files = { ".zshrc": ZSH, ".zfunc/_thump": await script("zsh") };
  return typing(["zsh", "-i"], await home(files), cwd);
}

/** Fish says by itself what it would offer; what a line becomes by TAB is the only one. */
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
  /** What it has printed, from the last time on, up to where this fits. */
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
