// How a command ends: exit codes, and errors that carry one.
import { checkRoomName } from "../protocol/names.ts";

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
  "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 refused (401 or 403), 4 server not reachable, 130 interrupted.";

const RETRYABLE_CODES = ["busy", "draining", "unavailable"];
const AUTH_CODES = ["unauthorized", "revoked", "forbidden", "origin"];

/**
 * How to exit on what a server said, or did not: one that drains, or has no place, is not to be reached either.
 * @param code its stable code (docs/protocol.md); what comes from something in between has none
 * @param status the HTTP status, if there is one
 */
export function exitCodeOf(code: string | undefined, status?: number): ExitCode {
  if (code === undefined ? status === undefined || status > 501 : RETRYABLE_CODES.includes(code))
    return EXIT.unreachable;
  if (status === 401 || status === 403 || AUTH_CODES.includes(code ?? "")) return EXIT.refused;
  return EXIT.failure;
}

/** A server's refusal for a person: what it said, and what to do about it. */
export function explainRefusal(message: string, code: string): string {
  const hint = code === "unauthorized" ? " Set THUMP_TOKEN or THUMP_API_KEY, or give --token-file." : "";
  return `${message} (${code})${hint}`;
}

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

/** What an unknown thing that was thrown says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The name of a room. @throws CommandError where no room can be called so */
export function checkRoom(name: string): string {
  try {
    return checkRoomName(name);
  } catch (error) {
    throw new CommandError(messageOf(error), EXIT.usage);
  }
}
