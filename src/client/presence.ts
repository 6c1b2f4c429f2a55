// Who is present in a room: a snapshot, and the changes after it. The reducer is pure.
import { Emitter } from "./emitter.ts";

/** A user who is present, with any number of connections. */
export interface Member {
  user: string;
  /** What their token says about them, for others to see. */
  info?: unknown;
  /** Since when, in ms since 1970; not known of those who came after us. */
  since?: number;
  sessions?: number;
}

/** What the server says: a snapshot has `members`, a change `joined` and `left`, a large room counts alone. */
export interface PresenceFrame {
  users: number;
  guests: number;
  members?: Member[];
  more?: boolean;
  joined?: Member[];
  left?: string[];
}

export interface Presence {
  /** How many users there are. */
  readonly users: number;
  /** How many connections without a user. */
  readonly guests: number;
  readonly list: readonly Member[];
  /** The list is not all of them: the room is large. */
  readonly more: boolean;
}

export const NOBODY: Presence = { users: 0, guests: 0, list: [], more: false };

/** What is known after a frame. */
export function applyPresence(before: Presence, frame: PresenceFrame): Presence {
  const { users, guests, members, joined, left } = frame;
  if (members) return { users, guests, list: members, more: frame.more ?? members.length < users };
  // Names are not told any more: those that we have may be old.
  if (!joined && !left) return { users, guests, list: before.list, more: true };
  const byUser = new Map(before.list.map((member) => [member.user, member]));
  for (const user of left ?? []) byUser.delete(user);
  for (const member of joined ?? []) byUser.set(member.user, { ...byUser.get(member.user), ...member });
  const list = [...byUser.values()];
  return { users, guests, list, more: list.length !== users };
}

/** The members of a room, as far as its rule tells. */
export interface Members extends Presence {
  /** How many are here: users and guests. */
  readonly count: number;
  /** All of it: another object after each change, and only then. */
  readonly presence: Presence;
  /** Calls `listener` when somebody comes or goes. Returns what takes it away again. */
  on(name: "change", listener: (presence: Presence) => unknown): () => void;
}

export class Crowd extends Emitter<{ change: [Presence] }> implements Members {
  presence = NOBODY;

  get count(): number {
    return this.users + this.guests;
  }

  get users(): number {
    return this.presence.users;
  }

  get guests(): number {
    return this.presence.guests;
  }

  get list(): readonly Member[] {
    return this.presence.list;
  }

  get more(): boolean {
    return this.presence.more;
  }

  apply(frame: PresenceFrame): void {
    this.presence = applyPresence(this.presence, frame);
    this.emit("change", this.presence);
  }
}
