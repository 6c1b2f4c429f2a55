// The merge of the rooms in which a session is behind: it holds positions, and no publications. Pure.
import { MinHeap } from "./min-heap.ts";
import type { Membership, Session } from "./session.ts";

export interface Merge {
  /** The memberships of which something may be left to send. */
  readonly heads: MinHeap<Membership>;
  /** It ends here: everything up to this seq has been given to those who follow its room. */
  horizon: number;
  /** The newest seq that was sent: all rooms that take part have been sent everything up to it. */
  upTo: number;
  /** Some of it is a replay. */
  readonly replays: boolean;
  /** Something was sent, or could have been. */
  begun: boolean;
}

/** A merge of those of these rooms in which there may be something to send. */
export function beginMerge(behind: Iterable<Membership>, horizon: number): Merge {
  const memberships: Membership[] = [];
  let replays = false;
  for (const membership of behind) {
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

/** A session's merge starts afresh the next time, from the positions that it has come to. */
export function endMerge(session: Session): void {
  if (!session.merge) return;
  for (const membership of session.catchingUp ?? []) {
    membership.position = positionOf(membership);
    membership.next = 0;
  }
  session.merge = undefined;
}

/** Everything that is to be sent of the first of the heads comes at this seq or later. */
export function advance({ heads }: Merge, next: number): void {
  const { first } = heads;
  if (!first) return;
  first.next = next;
  first.position = next - 1;
  heads.advanced();
}

/** Everything up to this seq has been sent to a membership that is not live. */
export function positionOf({ session, position, next }: Membership): number {
  return session.merge && next > 0 ? Math.max(position, session.merge.upTo) : position;
}

/** Whether there is nothing to send that came before now. */
export function isCaughtUp({ room, position }: Membership): boolean {
  return position >= room.history.last;
}
