// Merges publications, in seq order, from the rooms in which a session is lagging or replaying. Stores positions, not
// publications. Pure.
import type { RoomHistory } from "../rooms/room-history.ts";
import { type HeapItem, MinHeap } from "./min-heap.ts";

/** The part of `Membership` that a merge uses. */
export interface MergeMember extends HeapItem {
  /** The session has received everything up to this seq. */
  position: number;
  /** Publications up to this seq are a replay. */
  readonly replayTo?: number | undefined;
  nextHistory?: RoomHistory | undefined;
  readonly room: { readonly history: Pick<RoomHistory, "last"> };
  readonly session: { readonly merge: Pick<Merge, "upTo"> | undefined };
}

/** The part of `Session` that a merge uses. */
export interface MergeSession<M extends MergeMember = MergeMember> {
  merge: Merge<M> | undefined;
  readonly catchingUp: ReadonlySet<M> | undefined;
}

export interface Merge<M extends MergeMember = MergeMember> {
  /** The memberships that may still have publications to send. */
  readonly heads: MinHeap<M>;
  /** The seq at which the merge ends: live subscribers have received everything up to it. */
  horizon: number;
  /** The newest seq sent. For every room in the merge, everything up to this seq has been sent. */
  upTo: number;
  /** Whether the merge includes a replay. */
  readonly replays: boolean;
  /** Whether the merge's first piece has been processed. */
  begun: boolean;
}

/** Starts a merge of the memberships that may have publications to send. */
export function beginMerge<M extends MergeMember>(catchingUp: Iterable<M>, horizon: number): Merge<M> {
  const memberships: M[] = [];
  let replays = false;
  for (const membership of catchingUp) {
    const { position, replayTo = 0 } = membership;
    const takesPart = !isCaughtUp(membership);
    membership.next = takesPart ? position + 1 : 0;
    membership.nextHistory = undefined;
    if (!takesPart) continue;
    memberships.push(membership);
    replays ||= position < replayTo;
  }
  return { heads: new MinHeap(memberships), horizon, upTo: 0, replays, begun: false };
}

/** Ends a session's merge and saves the positions reached. The next merge starts from there. */
export function endMerge(session: MergeSession): void {
  if (!session.merge) return;
  for (const membership of session.catchingUp ?? []) {
    membership.position = positionOf(membership);
    membership.next = 0;
  }
  session.merge = undefined;
}

/** Moves the first head forward: its remaining publications have this seq or a later one. */
export function advance({ heads }: Merge, next: number): void {
  const { first } = heads;
  if (!first) return;
  first.next = next;
  first.position = next - 1;
  heads.advanced();
}

/** Returns the seq up to which a membership outside the live fan-out has received everything. */
export function positionOf({ session, position, next }: MergeMember): number {
  return session.merge && next > 0 ? Math.max(position, session.merge.upTo) : position;
}

/** Returns true if a membership has received everything published in its room. */
export function isCaughtUp({ room, position }: Pick<MergeMember, "room" | "position">): boolean {
  return position >= room.history.last;
}
