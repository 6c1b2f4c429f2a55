// Leaves: removes a session from rooms, and closes rooms that are then empty.
import { ThumpError } from "../protocol/codes.ts";
import type { CatchUp } from "./catch-up.ts";
import type { FanOut } from "./fan-out.ts";
import type { PresenceTracker } from "./presence/presence-tracker.ts";
import type { RoomLimits } from "./room-limits.ts";
import type { RoomRegistry } from "./room-registry.ts";
import type { Sampler } from "./sampler.ts";
import { type Membership, type Session, TopicSession } from "./session.ts";

/** The part of the hub that leaves use. */
export interface LeaveHost {
  readonly fanOut: Pick<FanOut, "position" | "pauseLive" | "detach"> & {
    readonly presence: Pick<FanOut["presence"], "end">;
  };
  readonly catchUp: Pick<CatchUp, "resume" | "remove">;
  readonly sampler: Pick<Sampler, "remove">;
  readonly presence: Pick<PresenceTracker, "leave">;
  readonly roomLimits: Pick<RoomLimits, "leave">;
}

export class LeaveCoordinator {
  constructor(
    readonly host: LeaveHost,
    readonly rooms: Pick<RoomRegistry, "close">,
  ) {}

  /** Removes a session from a room. @throws ThumpError `not-joined` */
  leave(session: Session, name: string): void {
    const { fanOut, catchUp } = this.host;
    const membership = session.memberships.get(name);
    if (!membership) throw new ThumpError("not-joined", `This session is not in "${name}".`);
    // A stream has one batcher for all of its rooms. After leaving a room, the stream catches up and then joins a
    // different batcher.
    if (membership.live && !(session instanceof TopicSession)) fanOut.pauseLive(session, fanOut.position);
    this.#remove(membership);
    session.memberships.delete(name);
    if (session.catchingUp && !session.ended) catchUp.resume(session);
  }

  /** Removes an ended session from all of its rooms. `session.memberships` still lists the rooms afterwards. */
  leaveAll(session: Session): void {
    for (const membership of session.memberships.values()) this.#remove(membership);
  }

  #remove(membership: Membership): void {
    const { host } = this;
    const { room, session } = membership;
    // The session left the room when it ended. A new room with the same name may have been opened since.
    if (!room.members.has(membership)) return;
    if (membership.live) host.fanOut.detach(membership);
    if (membership.max) host.sampler.remove(membership);
    host.catchUp.remove(membership);
    if (membership.presence) host.fanOut.presence.end(membership);
    host.presence.leave(membership);
    room.members.delete(membership);
    room.changes++;
    const next = room.members.values().next().value;
    host.roomLimits.leave(room.name, session, next?.session);
    if (!next) this.rooms.close(room);
  }
}
