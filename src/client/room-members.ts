// Members of a room: a presence snapshot, and the changes applied to it. The reducer is pure.
import { Emitter } from "./emitter.ts";

/** A user who is present, with any number of connections. */
export interface Member {
  /** The user's name. */
  user: string;
  /** Public details from the user's token. */
  info?: unknown;
}

/** A presence frame: `members` in a snapshot, `joined` and `left` in a change, `more` for a room too large to list. */
export interface PresenceFrame {
  users?: number;
  guests?: number;
  members?: Member[];
  joined?: Member[];
  left?: string[];
  more?: boolean;
}

/** The users and guests who are present in a room. */
export interface Presence {
  /** Number of users. */
  readonly users: number;
  /** Number of connections without a user. */
  readonly guests: number;
  /** The users. Empty if the room is too large to list. */
  readonly list: readonly Member[];
}

export const NO_MEMBERS: Presence = { users: 0, guests: 0, list: [] };

/** Applies a frame to the previous presence. */
export function applyPresence(before: Presence, frame: PresenceFrame): Presence {
  const { users = 0, guests = 0, members, joined, left, more } = frame;
  if (members || more || !joined) return { users, guests, list: more ? [] : (members ?? []) };
  const byUser = new Map(before.list.map((member) => [member.user, member]));
  for (const user of left ?? []) byUser.delete(user);
  for (const member of joined) byUser.set(member.user, member);
  return { users, guests, list: [...byUser.values()] };
}

/** The live presence of a room. Stays empty unless the room's rule enables presence. */
export interface Members extends Presence {
  /** Number of users and guests. */
  readonly count: number;
  /** Calls `listener` when members join or leave. @returns a function that removes the listener */
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
