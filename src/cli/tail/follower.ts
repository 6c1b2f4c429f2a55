// Follows rooms at the pace of who reads: a reader that is slow costs a cursor a room, as it does on the server.
import type { Room, RoomOptions, Thump, ThumpError } from "../../client/index.ts";
import { CommandError, exitCodeOf, explainRefusal } from "../exit-codes.ts";
import { type Output, printError } from "../terminal.ts";
import type { MessageFormat } from "./message-format.ts";

/** The flags of `thump tail` that a follower uses. */
interface FollowFlags {
  /** The number of stored messages to start with. */
  readonly last?: number;
  /** The cursor to start after. */
  readonly after?: string;
  /** The events to print. Undefined: all. */
  readonly events?: string[];
  /** The number of messages to print. Undefined: no limit. */
  readonly count?: number;
}

/** The server's refusal as the end of the command. */
export function refusal({ message, code }: ThumpError, room?: string): CommandError {
  return new CommandError(`${room ? `${room}: ` : ""}${explainRefusal(message, code)}`, exitCodeOf(code));
}

export class RoomFollower {
  readonly #rooms = new Map<string, Room>();
  readonly #begin: RoomOptions;
  #printed = 0;
  /** The rooms were left, until what is printed has been read. */
  #paused = false;
  #stopped = false;

  constructor(
    readonly thump: Thump,
    readonly output: Output,
    readonly format: MessageFormat,
    readonly flags: FollowFlags,
    readonly ended: PromiseWithResolvers<void>,
  ) {
    const { last, after } = flags;
    this.#begin = { ...(last === undefined ? {} : { last }), ...(after === undefined ? {} : { after }) };
  }

  join(name: string, options = this.#begin): void {
    const room: Room = this.thump.room(name, options);
    this.#rooms.set(name, room);
    room.on("message", (data, meta, text) => {
      const { events, count = Infinity } = this.flags;
      if (this.#paused || this.#printed === count || (events && !events.includes(meta.event))) return;
      const full = !this.output.write(this.format.message(name, data, meta, text));
      if (++this.#printed === count) this.ended.resolve();
      else if (full) void this.#pause();
    });
    room.on("gap", (gap) => {
      if (this.#paused) return;
      printError(`${name}: a gap: what came after ${gap.after}, up to ${gap.at}, is no longer kept`);
      this.output.write(this.format.gap(name, gap));
    });
    room.on("error", (error) => {
      // It holds the error that closes it.
      if (room.error) this.ended.reject(refusal(error, name));
      else printError(`${name}: ${error.message} (${error.code})`);
    });
  }

  stop(): void {
    this.#stopped = this.#paused = true;
  }

  /** Leaves all rooms, and goes on in each where it was once everything is written. */
  async #pause(): Promise<void> {
    this.#paused = true;
    const left = [...this.#rooms.values()].map((room) => ({ name: room.name, after: room.at }));
    for (const room of this.#rooms.values()) room.leave();
    await this.output.drained();
    if (this.#stopped) return;
    this.#paused = false;
    for (const { name, after } of left) this.join(name, after === undefined ? this.#begin : { after });
  }
}
