// The other nodes, where a log is shared by several: what they are told and asked.
import type { PresenceSet } from "../rooms/presence/presence-set.ts";

/** What operators want done on every node. */
export interface SessionRemoval {
  /** Whose sessions end: of a user, one by its id, or those that came with a token. */
  readonly user?: string | undefined;
  readonly session?: string | undefined;
  readonly token?: string | undefined;
  /** Set where tokens are refused from now on too: until when, and those issued up to when, in ms since 1970. */
  readonly revoked?: { readonly at: number; readonly until: number } | undefined;
}

/** Something that is not forgotten when a node restarts. */
export interface Revocation {
  readonly user?: string | undefined;
  readonly token?: string | undefined;
  readonly at: number;
  readonly until: number;
}

/** What a node lets the others have of itself. */
export interface LocalNode {
  /** Does what is wanted, here. Returns how many sessions it ended. */
  remove(removal: SessionRemoval): number;
  /** Told what was revoked before this node knew of it. */
  revoked(all: Revocation[]): void;
  /** All that is revoked here. */
  revocations(): Iterable<Revocation>;
  /** The rooms that somebody here is in, and how many. */
  counts(): Iterable<[room: string, sessions: number]>;
  /** How many are in a room here. */
  count(room: string): number;
}

/** Who is in rooms with presence, on all nodes. */
export interface ClusterPresence {
  /**
   * Has the other nodes know who is in a room here, and this one who is there, from now on: it asks `members` what to
   * tell, and tells it what it hears.
   * @param onNews called when there may be something to tell
   * @returns resolves once what others know was heard, or could not be just now
   */
  subscribe(room: string, members: PresenceSet, onNews: () => void): Promise<void>;
  /** The other nodes are to forget whom this one saw there. */
  unsubscribe(room: string): void;
  /** Something else is so of a user here, or of the guests. */
  changed(room: string, user: string | undefined): void;
  /** Tells a room's members whom other nodes see there, once. @throws ThumpError `unavailable` */
  read(room: string, members: PresenceSet): Promise<void>;
}

export interface Peers {
  readonly presence: ClusterPresence;
  /** This node takes part. */
  join(member: LocalNode): void;
  /** Has it done on every other node. Resolves with how many sessions they ended. @throws ThumpError `unavailable` */
  remove(removal: SessionRemoval): Promise<number>;
  /** Has every node remember it, those to come too. @throws ThumpError `unavailable` */
  remember(revoked: Revocation): Promise<void>;
  /** How many sessions are in each room on other nodes, a few seconds ago at most. */
  counts(): Promise<ReadonlyMap<string, number>>;
}
