// Who is present in a room: a snapshot, and the changes after it. The reducer is pure.
import { Emitter } from "./emitter.ts";

/** A user who is present, by any number of connections. */
export interface Member {
  user: string;
  /** What their token says about them, for others to see. */
  info?: unknown;
}

/** What the server says: a snapshot has `members`, a change `joined` and `left`; of a large room `more` counts alone. */
export interface PresenceFrame {
  users?: number;
  guests?: number;
  members?: Member[];
  joined?: Member[];
  left?: string[];
  more?: boolean;
}

export interface Presence {
  /** How many users there are. */
  readonly users: number;
  /** How many connections without a user. */
  readonly guests: number;
  /** The users; nobody is named where the room is large. */
  readonly list: readonly Member[];
}

export const NO_MEMBERS: Presence = { users: 0, guests: 0, list: [] };

/** What is known after a frame. */
export function applyPresence(before: Presence, frame: PresenceFrame): Presence {
  const { users = 0, guests = 0, members, joined, left, more } = frame;
  if (members || more || !joined) return { users, guests, list: more ? [] : (members ?? []) };
  const byUser = new Map(before.list.map((member) => [member.user, member]));
  for (const user of left ?? []) byUser.delete(user);
  for (const member of joined) byUser.set(member.user, member);
  return { users, guests, list: [...byUser.values()] };
}

/** The members of a room, as far as its rule tells. */
export interface Members extends Presence {
  /** How many are here: users and guests. */
  readonly count: number;
  /** Calls `listener` when somebody comes or goes. Returns what takes it away again. */
  on(name: "change", listener: (presence: Presence) => unknown): () => void;
}

export class RoomMembers extends Emitter<{ change: [Presence] }> implements Members {
  users = 0;
  guests = 0;
  list: readonly Member[] = [];

  get count(): number {
    return this.users + this.guests;
  }

  apply(frame: PresenceFrame): void {
    const presence = applyPresence(this, frame);
    Object.assign(this, presence);
    this.emit("change", presence);
  }
}
