// Runs `thump` commands as processes, with pipes or on a terminal.
import { collect, Inbox } from "./clients.ts";
import { environment, folder, killAfter, THUMP } from "./process.ts";
import { cleanup } from "./cleanup.ts";

/** A running command. */
export class Command {
  readonly out = new Inbox<string>();
  readonly err = new Inbox<string>();
  /** Resolves with the exit code once all output has been read. */
  readonly ended: Promise<number>;

  constructor(readonly process: Bun.Subprocess<"pipe", "pipe", "pipe">) {
    killAfter(process);
    const read = [collect(process.stdout, this.out), collect(process.stderr, this.err)];
    this.ended = Promise.all([process.exited, ...read]).then(([code]) => code);
  }

  /** Writes to standard input. Resolves once the pipe has accepted the text. */
  async write(text: string): Promise<void> {
    await this.process.stdin.write(text);
    await this.process.stdin.flush();
  }

  /** Closes standard input and resolves with the exit code. */
  async end(): Promise<number> {
    await this.process.stdin.end();
    return this.ended;
  }
}

/** Starts a command. */
export function command(args: string[], env: Record<string, string> = {}, cwd = folder()): Command {
  return new Command(
    Bun.spawn([...THUMP, ...args], {
      cwd,
      env: environment(env),
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
}

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs a command until it exits, with `input` on standard input. */
export async function run(args: string[], env: Record<string, string> = {}, input = ""): Promise<Ran> {
  const started = command(args, env);
  if (input !== "") await started.write(input);
  const code = await started.end();
  return { code, out: started.out.all.join("\n"), err: started.err.all.join("\n") };
}

export interface OnTerminal {
  /** All output so far: stdout and stderr, mixed as on a terminal. */
  text: () => string;
  until(test: (text: string) => boolean): Promise<string>;
  type(text: string): void;
  ended: Promise<number>;
}

/** Starts a command on a pseudo-terminal. */
export function onTerminal(args: string[], env: Record<string, string> = {}): OnTerminal {
  const inbox = new Inbox<string>();
  const decoder = new TextDecoder();
  const text = () => inbox.all.join("");
  const closed = Promise.withResolvers<void>();
  const child = Bun.spawn([...THUMP, ...args], {
    cwd: folder(),
    env: environment({ TERM: "xterm-256color", ...env }),
    terminal: {
      cols: 100,
      rows: 20,
      data: (_, bytes) => inbox.push(decoder.decode(bytes, { stream: true })),
      exit: () => closed.resolve(),
    },
  });
  killAfter(child);
  cleanup(() => child.terminal?.close());
  return {
    text,
    until: async (test) => {
      await inbox.until(() => test(text()));
      return text();
    },
    type: (typed) => void child.terminal?.write(typed),
    ended: Promise.all([child.exited, closed.promise]).then(([code]) => code),
  };
}
