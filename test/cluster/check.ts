// Checks guarantees G1 to G4 in a cluster, for each client and across all clients.
import type { Reader } from "./reader.ts";

/** An acknowledged publication. */
export interface Acked {
  room: string;
  n: number;
  at: string;
}

interface Position {
  epoch: string;
  seq: number;
}

function position(at: string): Position {
  const [epoch, seq] = at.split("-") as [string, string];
  return { epoch, seq: Number(seq) };
}

/** The amount by which seqs jump after a Redis restart. */
const JUMP = 1_000_000;

/**
 * Returns the scope in which a publication has only one position: the epoch or, if losses are possible, one run of
 * Redis. A retry whose key was lost counts as a different publication.
 */
function partOf(at: string, gaps: boolean): string {
  const { epoch, seq } = position(at);
  return gaps ? `${epoch}/${Math.floor(seq / JUMP)}` : epoch;
}

/**
 * Throws at the first violation.
 * @param gaps true if gaps are allowed; if false, every acknowledged publication must have arrived
 */
export function checkAll(readers: Reader[], acked: Acked[], gaps: boolean): void {
  const positions = new Map<string, string>();
  for (const { n, at } of acked) positions.set(`${partOf(at, gaps)} ${n}`, at);
  for (const [i, reader] of readers.entries())
    for (const room of reader.rooms) checkRoom(`client ${i}, ${room}`, reader, room, acked, positions, gaps);
}

function checkRoom(
  who: string,
  reader: Reader,
  room: string,
  acked: Acked[],
  positions: Map<string, string>,
  gaps: boolean,
): void {
  const received = reader.received.get(room);
  if (received?.start === undefined) throw new Error(`${who}: never started`);
  if (!gaps && received.gaps.length > 0)
    throw new Error(`${who}: a gap notice ${JSON.stringify(received.gaps)}`);
  const arrived = new Set<string>();
  const indexes = new Map<number, number>();
  const start = position(received.start);
  /** The newest seq received in each epoch. */
  const newest = new Map([[start.epoch, start.seq]]);
  let { epoch: current } = start;
  for (const [i, { at, n }] of received.messages.entries()) {
    const here = position(at);
    const name = `${partOf(at, gaps)} ${n}`;
    const known = positions.get(name) ?? at;
    // G4, and a single order for all clients: every client receives a publication at the same position.
    if (known !== at) throw new Error(`${who}: received ${n} at ${at}, others at ${known}`);
    positions.set(name, at);
    if (arrived.has(name)) throw new Error(`${who}: received ${n} twice`);
    arrived.add(name);
    const first = indexes.get(n);
    if (first !== undefined && !received.gaps.some(({ before }) => before > first && before <= i))
      throw new Error(`${who}: received ${n} again at ${at} without a gap notice`);
    indexes.set(n, i);
    const hasNotice = received.gaps.some((gap) => gap.before === i && position(gap.at).epoch === here.epoch);
    if (here.epoch !== current && !hasNotice) throw new Error(`${who}: received ${at} without a gap notice`);
    const before = newest.get(here.epoch) ?? 0;
    if (here.seq <= before) throw new Error(`${who}: received ${at} after ${here.epoch}-${before}`);
    newest.set(here.epoch, here.seq);
    current = here.epoch;
  }
  for (const one of acked) {
    if (one.room !== room || arrived.has(`${partOf(one.at, gaps)} ${one.n}`)) continue;
    const { epoch, seq } = position(one.at);
    // The publication precedes the client's start.
    if (epoch === start.epoch && seq <= start.seq) continue;
    // A gap notice must precede the next message.
    const next = nextAfter(received.messages, epoch, seq);
    const notices = received.gaps.filter(({ before }) => next < 0 || before <= next);
    if (notices.some((gap) => covers(gap, epoch, seq))) continue;
    // The client skipped the whole epoch.
    if (!newest.has(epoch) && notices.length > 0) continue;
    throw new Error(
      `${who}: never received ${one.n}, acknowledged at ${one.at}; started at ${received.start}; received ${around(received.messages, one.at)}`,
    );
  }
}

/**
 * Returns the index of the first message after a position. Returns -1 if there is none or if the client was never in
 * that epoch.
 */
function nextAfter(messages: { at: string }[], epoch: string, seq: number): number {
  const all = messages.map(({ at }) => position(at));
  const next = all.findIndex((here) => here.epoch === epoch && here.seq > seq);
  if (next >= 0) return next;
  const last = all.findLastIndex((here) => here.epoch === epoch);
  return last >= 0 && last + 1 < all.length ? last + 1 : -1;
}

function covers(gap: { after: string; at: string }, epoch: string, seq: number): boolean {
  const [after, at] = [position(gap.after), position(gap.at)];
  // If the epoch or run changes, the gap covers everything after the position.
  const began = after.epoch !== epoch || seq > after.seq;
  const ended = at.epoch !== epoch || seq <= at.seq;
  return began && ended && (after.epoch === epoch || at.epoch === epoch);
}

/** The messages around a position, for debugging. */
function around(messages: { at: string; n: number }[], at: string): string {
  const index = messages.findIndex((message) => position(message.at).seq > position(at).seq);
  return JSON.stringify(messages.slice(Math.max(0, index - 2), index + 2).map((message) => message.at));
}
