// The other nodes of a cluster: messages to them, and requests for their state.
import type { PresenceSet } from "../rooms/presence/presence-set.ts";

/** Ends sessions on all nodes. */
export interface SessionRemoval {
  /** Selects the sessions: of a user, with an id, or with a token. */
  readonly user?: string | undefined;
  readonly session?: string | undefined;
  readonly token?: string | undefined;
  /** Set if tokens are revoked too: those issued up to `at` are refused until `until`, both in ms since 1970. */
  readonly revoked?: { readonly at: number; readonly until: number } | undefined;
}

/** A revocation of tokens. It survives a restart of the node. */
export interface Revocation {
  readonly user?: string | undefined;
  readonly token?: string | undefined;
  readonly at: number;
  readonly until: number;
}

/** The functions that a node offers to the others. */
export interface LocalNode {
  /** Ends sessions of this node. Returns their number. */
  remove(removal: SessionRemoval): number;
  /** Called with revocations that were made before this node joined. */
  revoked(all: Revocation[]): void;
  /** Returns all revocations of this node. */
  revocations(): Iterable<Revocation>;
  /** Returns the rooms with sessions of this node, and their number. */
  counts(): Iterable<[room: string, sessions: number]>;
  /** Returns the number of sessions of this node in a room. */
  count(room: string): number;
}

/** Presence of rooms on all nodes. */
export interface ClusterPresence {
  /**
   * Shares the presence of a room with the other nodes: reports the local users of `members`, and adds the reports of
   * other nodes to it.
   * @param onChange called when there may be changes to send
   * @returns resolves when the reports of other nodes were read, or could not be read now
   */
  subscribe(room: string, members: PresenceSet, onChange: () => void): Promise<void>;
  /** Stops sharing: the other nodes drop this node's reports. */
  unsubscribe(room: string): void;
  /** Reports a changed user, or changed guests if `user` is undefined. */
  changed(room: string, user: string | undefined): void;
  /**
   * Adds the reports of other nodes to `members`, once.
   * @throws ThumpError `unavailable`
   */
  read(room: string, members: PresenceSet): Promise<void>;
}

export interface Peers {
  readonly presence: ClusterPresence;
  /** Adds this node to the cluster. */
  join(member: LocalNode): void;
  /**
   * Ends sessions on all other nodes. Returns their number.
   * @throws ThumpError `unavailable`
   */
  remove(removal: SessionRemoval): Promise<number>;
  /**
   * Stores a revocation for all nodes, including later ones.
   * @throws ThumpError `unavailable`
   */
  remember(revoked: Revocation): Promise<void>;
  /** Returns the number of sessions per room on the other nodes, at most a few seconds old. */
  counts(): Promise<ReadonlyMap<string, number>>;
}
