// How a command ends: exit codes, and errors that carry one.

export const EXIT = {
  ok: 0,
  failure: 1,
  /** The arguments or the configuration are wrong. */
  usage: 2,
  /** The server said 401 or 403. */
  refused: 3,
  unreachable: 4,
  /** By SIGINT, as shells count it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** As `--help` says it. */
export const EXIT_HELP =
  "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 refused (401 or 403), 4 server not reachable, " +
  "130 interrupted.";

/** What a command failed of: one line that says what was wrong and what to do. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";

  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.failure,
  ) {
    super(message);
  }
}

/** Words for a person, on stderr. */
export function say(text: string): void {
  process.stderr.write(`thump: ${text}\n`);
}

/** What an unknown thing that was thrown says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
