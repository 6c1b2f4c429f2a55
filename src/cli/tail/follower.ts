// Follows rooms at the reader's pace. While the output is full, the follower leaves the rooms and stores only a cursor
// for each room.
import type { Room, RoomOptions, Thump, ThumpError } from "../../client/index.ts";
import { CommandError, exitCodeOf, describeError } from "../exit-codes.ts";
import { type Output, printError } from "../terminal.ts";
import type { MessageFormat } from "./message-format.ts";

/** The flags of `thump tail` that a follower uses. */
interface FollowFlags {
  /** Number of stored messages to start with. */
  readonly last?: number;
  /** Cursor to start after. */
  readonly after?: string;
  /** Events to print. Default: all. */
  readonly events?: string[];
  /** Number of messages to print. Default: no limit. */
  readonly count?: number;
}

/** A server error that ends the command. */
export function serverError({ message, code }: ThumpError, room?: string): CommandError {
  return new CommandError(`${room ? `${room}: ` : ""}${describeError(message, code)}`, exitCodeOf(code));
}

export class RoomFollower {
  readonly #rooms = new Map<string, Room>();
  readonly #startOptions: RoomOptions;
  #printed = 0;
  /** True while the follower has left its rooms because the output is full. */
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
    this.#startOptions = {
      ...(last === undefined ? {} : { last }),
      ...(after === undefined ? {} : { after }),
    };
  }

  join(name: string, options = this.#startOptions): void {
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
      printError(`${name}: gap: messages after ${gap.after}, up to ${gap.at}, are no longer stored`);
      this.output.write(this.format.gap(name, gap));
    });
    room.on("error", (error) => {
      // If `room.error` is set, the room is closed.
      if (room.error) this.ended.reject(serverError(error, name));
      else printError(`${name}: ${error.message} (${error.code})`);
    });
  }

  stop(): void {
    this.#stopped = this.#paused = true;
  }

  /** Leaves all rooms, and resumes each from its position once the output drains. */
  async #pause(): Promise<void> {
    this.#paused = true;
    const left = [...this.#rooms.values()].map((room) => ({ name: room.name, after: room.at }));
    for (const room of this.#rooms.values()) room.leave();
    await this.output.drained();
    if (this.#stopped) return;
    this.#paused = false;
    for (const { name, after } of left) this.join(name, after === undefined ? this.#startOptions : { after });
  }
}
