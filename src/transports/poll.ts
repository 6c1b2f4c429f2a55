// The long poll: waits in a room, as a session, until something comes or the time is over.
import type { Door } from "../access/door.ts";
import type { Channel, Stream } from "../hub/channel.ts";
import type { Room } from "../hub/room.ts";
import { type Ending, endedByClient, endedByUs } from "../hub/journal.ts";
import { Session } from "../hub/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { Publication } from "../protocol/publication.ts";
import type { StreamFormat } from "../protocol/formats.ts";

const ANSWERED: Ending = { reason: "answered" };

/** All that a waiting request needs to know is that there is something; it then asks for it. */
const wake: StreamFormat = {
  name: "poll",
  contentType: "",
  message: () => ".",
  gap: () => ".",
  position: () => "",
  keepAlive: () => "",
};

class PollSession extends Session implements Stream {
  override readonly format = wake;
  #channel: Channel | undefined;

  constructor(
    readonly door: Door,
    readonly onWake: (ending: Ending) => void,
    override readonly address: string | undefined,
  ) {
    super("poll", wake);
  }

  write(): boolean {
    this.onWake(ANSWERED);
    return true;
  }

  override send(publications: Publication[]): boolean {
    this.sent += publications.length;
    if (publications.length > 0) this.onWake(ANSWERED);
    return true;
  }

  override gap(): void {
    this.onWake(ANSWERED);
  }

  override end(code: number): void {
    this.onWake(endedByUs(code));
  }

  override backedUp(): boolean {
    return false;
  }

  override pending(): boolean {
    return false;
  }

  override attach(rooms: Room[]): void {
    this.#channel = this.door.hub.fanOut.channels.add(this, rooms);
  }

  override detach(): void {
    if (this.#channel) this.door.hub.fanOut.channels.remove(this, this.#channel);
    this.#channel = undefined;
  }

  override beat(): boolean {
    return true;
  }
}

/**
 * Resolves once the room has a publication after `after`, something went missing, `ms` are over, the client
 * left or the server drains. The caller then reads what there is.
 */
export function waitForPublication(
  door: Door,
  room: string,
  after: Cursor,
  ms: number,
  signal: AbortSignal,
  address: string | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (ending: Ending) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      door.hub.remove(session, ending);
      resolve();
    };
    const abort = () => finish(endedByClient());
    const timer = setTimeout(() => finish(ANSWERED), ms);
    const session = new PollSession(door, finish, address);
    signal.addEventListener("abort", abort);
    door.hub.add(session);
    Promise.resolve(door.join(session, [room], { after }, ({ gap }) => gap && finish(ANSWERED))).catch(
      (error: unknown) => {
        finish(endedByUs(CLOSE.internal));
        reject(error as Error);
      },
    );
  });
}
