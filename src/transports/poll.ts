// The long poll: waits in a room, as a session, until something comes or the time is over.
import type { Asker } from "../access/caller.ts";
import type { Door } from "../access/door.ts";
import type { Channel, Stream } from "../hub/channel.ts";
import type { Room } from "../hub/room.ts";
import { Session } from "../hub/session.ts";
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { Publication } from "../protocol/publication.ts";
import type { StreamFormat } from "../protocol/formats.ts";
import { toThumpError } from "./problem.ts";

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
    asker: Asker,
    readonly onWake: (error?: ThumpError) => void,
  ) {
    super("poll", wake, asker.caller);
    asker.session = this;
  }

  write(): boolean {
    this.onWake();
    return true;
  }

  override send(publications: Publication[]): boolean {
    if (publications.length > 0) this.onWake();
    return true;
  }

  override gap(): void {
    this.onWake();
  }

  override end(code: number, reason: string): void {
    if (code === CLOSE.unauthorized) this.onWake(new ThumpError("unauthorized", `It ended: ${reason}.`));
    else if (code === CLOSE.removed) this.onWake(new ThumpError("forbidden", `It was ended: ${reason}.`));
    else this.onWake();
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
 * left or the server drains. The caller then reads what there is. Rejects when the asker may no longer be here.
 */
export function waitForPublication(
  door: Door,
  asker: Asker,
  room: string,
  after: Cursor,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: ThumpError) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", left);
      if (!session.ended) door.hub.remove(session);
      if (error) reject(error);
      else resolve();
    };
    const left = () => finish();
    const timer = setTimeout(left, ms);
    const session = new PollSession(door, asker, finish);
    signal.addEventListener("abort", left);
    door.enter(session);
    Promise.try(() => door.join(asker, session, [room], { after }, ({ gap }) => gap && finish())).catch(
      (error: unknown) => finish(toThumpError(error)),
    );
  });
}
