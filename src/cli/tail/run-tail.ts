// `thump tail`: prints messages from rooms until it is interrupted.
import { connect, type Thump } from "../../client/index.ts";
import { parseCursor } from "../../protocol/cursor.ts";
import { type ConnectionFlags, readCredential } from "../connection-flags.ts";
import { checkRoom, CommandError, EXIT, messageOf } from "../exit-codes.ts";
import { type ColorWhen, painter, wantsColor } from "../colors.ts";
import { Output, printError } from "../terminal.ts";
import { RoomFollower, serverError } from "./follower.ts";
import { jsonLines, prettyLines } from "./message-format.ts";

export interface TailFlags extends ConnectionFlags {
  last?: number;
  after?: string;
  events?: string[];
  count?: number;
  color: ColorWhen;
}

/** Resolves after `--count` messages, or on an interrupt. @throws CommandError */
export async function runTail(names: string[], flags: TailFlags): Promise<void> {
  check(names, flags);
  const token = await readCredential(flags, process.env);
  // Reads the token again for each connection, because the file may have changed.
  const renewed = () => readCredential(flags, process.env);
  const colored = wantsColor(flags.color, process.env);
  const format = flags.json ? jsonLines : prettyLines(painter(colored), colored, names.length > 1);
  const output = new Output();
  const ended = Promise.withResolvers<void>();
  const credential = flags.tokenFile === undefined ? token : renewed;
  const thump = connect(flags.url, credential === undefined ? {} : { token: credential });
  reportConnection(thump, flags.url, ended.reject);
  const follower = new RoomFollower(thump, output, format, flags, ended);
  process.on("SIGINT", () => {
    process.exitCode = EXIT.interrupted;
    ended.resolve();
  });
  try {
    for (const name of new Set(names)) follower.join(name);
    await ended.promise;
  } finally {
    follower.stop();
    thump.close();
    // On an interrupt, do not wait for the reader.
    if (process.exitCode !== EXIT.interrupted) await output.drained();
  }
}

function check(names: string[], { after, last }: TailFlags): void {
  if (after !== undefined && last !== undefined)
    throw new CommandError("Use --last or --after, not both.", EXIT.usage);
  names.forEach(checkRoom);
  try {
    if (after !== undefined) parseCursor(after);
  } catch (error) {
    throw new CommandError(messageOf(error), EXIT.usage);
  }
}

/** Reports the state of the connection. Fails if the connection never opened, or has closed permanently. */
function reportConnection(thump: Thump, url: string, fail: (error: CommandError) => void): void {
  let live = false;
  let lost = false;
  thump.on("error", (error) => {
    if (live && thump.state !== "closed") printError(`${error.message} (${error.code})`);
    else fail(serverError(error));
  });
  thump.on("state", (state) => {
    if (thump.transport !== undefined) {
      if (lost && state === "live") {
        lost = false;
        printError("reconnected; resumed where it left off");
      }
      live = true;
    } else if (!live && state === "offline")
      fail(new CommandError(`${url} cannot be reached.`, EXIT.unreachable));
    else if (live && !lost && state === "offline") {
      lost = true;
      printError("connection lost; reconnecting");
    }
  });
}
