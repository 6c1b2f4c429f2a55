// Exit codes of commands, and the error class that has an exit code.
import { checkRoomName } from "../protocol/names.ts";

export const EXIT = {
  ok: 0,
  failure: 1,
  /** Invalid arguments or configuration. */
  usage: 2,
  /** The server responded with 401 or 403. */
  refused: 3,
  unreachable: 4,
  /** Interrupted by SIGINT. The value follows the shell convention. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit codes, as printed by `--help`. */
export const EXIT_HELP =
  "Exit codes: 0 success, 1 failure, 2 invalid arguments, 3 not authorized (401 or 403), 4 server unreachable, 130 interrupted.";

const RETRYABLE_CODES = ["busy", "draining", "unavailable"];
const AUTH_CODES = ["unauthorized", "revoked", "forbidden", "origin"];

/**
 * The exit code for a failed request. A server that is draining or full counts as unreachable.
 * @param code the server's stable code (docs/protocol.md); responses from a proxy have none
 * @param status the HTTP status, if there is a response
 */
export function exitCodeOf(code: string | undefined, status?: number): ExitCode {
  if (code === undefined ? status === undefined || status > 501 : RETRYABLE_CODES.includes(code))
    return EXIT.unreachable;
  if (status === 401 || status === 403 || AUTH_CODES.includes(code ?? "")) return EXIT.refused;
  return EXIT.failure;
}

/** Formats a server error for people, with a hint. */
export function describeError(message: string, code: string): string {
  const hint = code === "unauthorized" ? " Set THUMP_TOKEN or THUMP_API_KEY, or use --token-file." : "";
  return `${message} (${code})${hint}`;
}

/** The failure of a command. The message is one line that states the error and the fix. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";

  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.failure,
  ) {
    super(message);
  }
}

/** The message of a caught value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns a valid room name. @throws CommandError if the name is invalid */
export function checkRoom(name: string): string {
  try {
    return checkRoomName(name);
  } catch (error) {
    throw new CommandError(messageOf(error), EXIT.usage);
  }
}
