// The other nodes of a cluster: messages to them, and requests for their state.
import type { PresenceSet } from "../rooms/presence/presence-set.ts";

/** A request to end sessions on all nodes. */
export interface SessionRemoval {
  /** Selects the sessions by user, session id or token. */
  readonly user?: string | undefined;
  readonly session?: string | undefined;
  readonly token?: string | undefined;
  /** Set if tokens are also revoked. Tokens issued up to `at` are refused until `until`, both in ms since 1970. */
  readonly revoked?: { readonly at: number; readonly until: number } | undefined;
}

/** A revocation of tokens. Survives a restart of the node. */
export interface Revocation {
  readonly user?: string | undefined;
  readonly token?: string | undefined;
  readonly at: number;
  readonly until: number;
}

/** The functions that a node offers to the other nodes. */
export interface LocalNode {
  /** Ends sessions on this node. Returns the number of ended sessions. */
  remove(removal: SessionRemoval): number;
  /** Called with the revocations that were made before this node joined. */
  revoked(all: Revocation[]): void;
  /** Returns all revocations that this node has stored. */
  revocations(): Iterable<Revocation>;
  /** Returns the rooms that have sessions on this node, with the number of sessions. */
  counts(): Iterable<[room: string, sessions: number]>;
  /** Returns the number of this node's sessions in a room. */
  count(room: string): number;
}

/** Presence in rooms, across all nodes. */
export interface ClusterPresence {
  /**
   * Shares a room's presence with the other nodes: reports the local users in `members`, and adds reports from other
   * nodes to `members`.
   * @param onChange called when there may be changes to send to subscribers
   * @returns a promise that resolves when the reports from other nodes have been read or are found to be unavailable
   */
  subscribe(room: string, members: PresenceSet, onChange: () => void): Promise<void>;
  /** Stops sharing: the other nodes drop this node's reports. */
  unsubscribe(room: string): void;
  /** Reports a change to a user, or to the guests if `user` is undefined. */
  changed(room: string, user: string | undefined): void;
  /**
   * Adds the current reports from other nodes to `members`, once.
   * @throws ThumpError `unavailable`
   */
  read(room: string, members: PresenceSet): Promise<void>;
}

export interface Peers {
  readonly presence: ClusterPresence;
  /** Adds this node to the cluster. */
  join(member: LocalNode): void;
  /**
   * Ends sessions on all other nodes. Returns the number of ended sessions.
   * @throws ThumpError `unavailable`
   */
  remove(removal: SessionRemoval): Promise<number>;
  /**
   * Stores a revocation for all nodes, including nodes that join later.
   * @throws ThumpError `unavailable`
   */
  remember(revoked: Revocation): Promise<void>;
  /** Returns the number of sessions per room on the other nodes, at most a few seconds old. */
  counts(): Promise<ReadonlyMap<string, number>>;
}
