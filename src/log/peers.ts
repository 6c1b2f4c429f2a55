// The other nodes, where a log is shared by several: what they are told and asked. Presence will have its place here.

/** What operators want done on every node. */
export interface Removal {
  /** Whose sessions end: of a user, one by its id, or those that came with a token. */
  readonly user?: string | undefined;
  readonly session?: string | undefined;
  readonly token?: string | undefined;
  /** Set where tokens are refused from now on too: until when, and those issued up to when, in ms since 1970. */
  readonly revoked?: { readonly at: number; readonly until: number } | undefined;
}

/** Something that is not forgotten when a node restarts. */
export interface Revoked {
  readonly user?: string | undefined;
  readonly token?: string | undefined;
  readonly at: number;
  readonly until: number;
}

/** What a node lets the others have of itself. */
export interface Member {
  /** Does what is wanted, here. Returns how many sessions it ended. */
  remove(removal: Removal): number;
  /** Told what was revoked before this node knew of it. */
  revoked(all: Revoked[]): void;
  /** All that is revoked here. */
  revocations(): Iterable<Revoked>;
  /** The rooms that somebody here is in, and how many. */
  counts(): Iterable<[room: string, sessions: number]>;
}

export interface Peers {
  /** This node takes part. */
  join(member: Member): void;
  /** Has it done on every other node. Resolves with how many sessions they ended. @throws ThumpError `unavailable` */
  remove(removal: Removal): Promise<number>;
  /** Has every node remember it, those to come too. @throws ThumpError `unavailable` */
  remember(revoked: Revoked): Promise<void>;
  /** How many sessions are in each room on other nodes, a few seconds ago at most. */
  counts(): Promise<ReadonlyMap<string, number>>;
}
