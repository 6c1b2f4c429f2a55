// The open rooms: rooms that have sessions on this server. The log delivers publications only for these rooms.
import type { Log } from "../log/log.ts";
import type { Publication } from "../protocol/publication.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Rules } from "../rooms/rules.ts";
import type { LogRecovery } from "./log-recovery.ts";
import type { PresenceTracker } from "./presence/presence-tracker.ts";
import { Room } from "./room.ts";
import type { RoomLimits } from "./room-limits.ts";
import type { Session } from "./session.ts";

/** The part of the hub that the registry uses. */
export interface RoomRegistryHost {
  readonly log: Pick<Log, "last" | "subscribe" | "unsubscribe">;
  readonly rules: Pick<Rules, "of">;
  readonly roomLimits: Pick<RoomLimits, "enter">;
  readonly presence: Pick<PresenceTracker, "open">;
  readonly logRecovery: Pick<LogRecovery, "onSubscribed">;
  /** Called when the log delivers a publication for a room. */
  onPublication(room: Room, publication: Publication): void;
}

export class RoomRegistry {
  readonly byName = new Map<string, Room>();

  /** @param memoryBudget the shared limit for the histories of all open rooms */
  constructor(
    readonly host: RoomRegistryHost,
    readonly memoryBudget: MemoryBudget | undefined,
  ) {}

  /**
   * Opens a room for its first session, and subscribes to the room in the log. `room.starting` is set until the
   * subscription is active.
   */
  open(name: string, opener: Session): Room {
    const { host } = this;
    const room = new Room(name, host.rules.of(name), this.memoryBudget);
    this.byName.set(name, room);
    host.roomLimits.enter(name, opener);
    const starting = host.log.subscribe(
      name,
      (publication) => host.onPublication(room, publication),
      (after) => host.logRecovery.onSubscribed(room, after),
    );
    const opening = host.presence.open(room);
    if (starting)
      room.starting = Promise.all([starting, opening]).then(() => void (room.starting = undefined));
    else host.logRecovery.onSubscribed(room, host.log.last);
    return room;
  }

  /** Closes a room after its last session has left. */
  close(room: Room): void {
    this.byName.delete(room.name);
    room.history.forget();
    this.host.log.unsubscribe(room.name);
  }
}
