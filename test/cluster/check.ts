// G1 to G4 over a cluster, checked for each client and across all of them.
import type { Reader } from "./reader.ts";

/** A publication that was acknowledged. */
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

/**
 * Throws at the first thing that is wrong.
 * @param gaps whether there may be any: else every acknowledged publication must have come
 */
export function checkAll(readers: Reader[], acked: Acked[], gaps: boolean): void {
  // One that was published again after its key was lost is another one: it has another epoch.
  const positions = new Map<string, string>();
  for (const { n, at } of acked) positions.set(`${position(at).epoch} ${n}`, at);
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
  const seen = reader.seen.get(room);
  if (seen?.start === undefined) throw new Error(`${who}: never began`);
  if (!gaps && seen.gaps.length > 0) throw new Error(`${who}: a gap notice ${JSON.stringify(seen.gaps)}`);
  const had = new Set<string>();
  let last = position(seen.start);
  const epochs = [last.epoch];
  for (const { at, n } of seen.messages) {
    const here = position(at);
    const name = `${here.epoch} ${n}`;
    const known = positions.get(name) ?? at;
    // G4, and one order for all: everybody has it at the same position.
    if (known !== at) throw new Error(`${who}: has ${n} at ${at}, others at ${known}`);
    positions.set(name, at);
    if (had.has(name)) throw new Error(`${who}: had ${n} twice`);
    had.add(name);
    if (here.epoch !== last.epoch) {
      if (epochs.includes(here.epoch)) throw new Error(`${who}: went back to ${at}`);
      if (!seen.gaps.some((gap) => position(gap.at).epoch === here.epoch))
        throw new Error(`${who}: came to ${at} without a gap notice`);
      epochs.push(here.epoch);
    } else if (here.seq <= last.seq) throw new Error(`${who}: had ${at} after ${last.epoch}-${last.seq}`);
    last = here;
  }
  for (const one of acked) {
    if (one.room !== room || had.has(`${position(one.at).epoch} ${one.n}`)) continue;
    const { epoch, seq } = position(one.at);
    const start = position(seen.start);
    // Before it came.
    if (epoch === start.epoch && seq <= start.seq) continue;
    // What follows it: nothing of that may have come before the notice.
    const next = seen.messages.findIndex((message) => follows(position(message.at), epoch, seq, epochs));
    const told = seen.gaps.filter(({ before }) => next < 0 || before <= next);
    if (told.some((gap) => covers(gap, epoch, seq))) continue;
    // An epoch that it never was in: it went from one to another past it.
    if (!epochs.includes(epoch) && told.length > 0) continue;
    throw new Error(
      `${who}: never had ${one.n}, which was acknowledged at ${one.at}; began at ${seen.start}; had ${around(seen.messages, one.at)}`,
    );
  }
}

/** Whether a position comes after another one, for a reader that was in these epochs, in their order. */
function follows(here: Position, epoch: string, seq: number, epochs: string[]): boolean {
  if (here.epoch === epoch) return here.seq > seq;
  return epochs.includes(epoch) && epochs.indexOf(here.epoch) > epochs.indexOf(epoch);
}

function covers(gap: { after: string; at: string }, epoch: string, seq: number): boolean {
  const [after, at] = [position(gap.after), position(gap.at)];
  // From one life of the log to another, everything after it is said to be missing.
  const began = after.epoch !== epoch || seq > after.seq;
  const ended = at.epoch !== epoch || seq <= at.seq;
  return began && ended && (after.epoch === epoch || at.epoch === epoch);
}

/** What came just before and after a position, for whoever has to find out why. */
function around(messages: { at: string; n: number }[], at: string): string {
  const index = messages.findIndex((message) => position(message.at).seq > position(at).seq);
  return JSON.stringify(messages.slice(Math.max(0, index - 2), index + 2).map((message) => message.at));
}
