// Sampling: a subscriber with `max=N` receives its room's newest publication, at most N times per second. All sampled
// subscribers share one timer, which runs only while a sampled room has a new publication.
import type { Publication } from "../protocol/publication.ts";
import { TickSlice } from "../scheduling/tick-slice.ts";
import { type DueItem, DueQueue } from "./due-queue.ts";

/** The bounds of `max`, in samples per second. Timers cannot run faster or much slower than this. */
const MAX_PER_SECOND = 100;
const MIN_PER_SECOND = 0.001;
/** The maximum number of memberships visited per tick. */
const ITEMS_PER_TICK = 500;

/** The part of `Membership` that the sampler uses. */
export interface SampledMembership {
  /** Samples per second. */
  readonly max?: number | undefined;
  /** The seq of the last publication sent. */
  position: number;
  readonly room: { readonly newest: Publication | undefined; samples: RoomSamples | undefined };
  readonly session: { readonly id: string; backedUp(): boolean; send(publications: Publication[]): boolean };
}

/** A sampled membership. */
interface SampledMember extends DueItem {
  readonly membership: SampledMembership;
  readonly samples: RoomSamples;
  /** The minimum time between two samples, in ms. */
  readonly interval: number;
  /** The earliest time of the next sample, on the `Sampler.now` clock. */
  next: number;
}

/** The sampled memberships of one room, and whether the room has a new publication for them. */
export class RoomSamples {
  /** The memberships that have received the newest publication. */
  resting = new Set<SampledMember>();
  /** The memberships still to be visited because of a new publication. */
  pending = new Set<SampledMember>();
  /** The number of sampled memberships. */
  size = 0;
  /** Whether the room has received a publication since the last `unmark`. */
  marked = false;

  /** @param onMark called for the first new publication after each `unmark` */
  constructor(readonly onMark: (samples: RoomSamples) => void) {}

  /** Records a new publication. The cost does not depend on the number of sampled memberships. */
  mark(): void {
    if (this.marked || this.resting.size === 0) return;
    this.marked = true;
    this.onMark(this);
  }

  /** Makes all resting memberships pending. The next publication marks the room again. */
  unmark(): void {
    this.marked = false;
    [this.resting, this.pending] = [this.pending, this.resting];
  }

  delete(sampled: SampledMember): void {
    this.resting.delete(sampled);
    this.pending.delete(sampled);
  }
}

export class Sampler {
  /** The number of visits to memberships. */
  visits = 0;
  /** A monotonic clock, in ms. */
  now: () => number = () => performance.now();
  readonly #all = new Map<SampledMembership, SampledMember>();
  /** Rooms with a new publication. */
  readonly #marked = new Set<RoomSamples>();
  /** Memberships whose next sample is not due yet. */
  readonly #waiting = new DueQueue<SampledMember>();
  #timer: Timer | undefined;
  /** When the timer fires; Infinity if no timer is set. */
  #armedFor = Number.POSITIVE_INFINITY;

  /** The number of sampled memberships. */
  get size(): number {
    return this.#all.size;
  }

  /** Starts sampling a membership. A membership receives a publication newer than its position in the next tick. */
  add(membership: SampledMembership): void {
    const { room, max = 0, position } = membership;
    const samples = (room.samples ??= new RoomSamples((marked) => this.#mark(marked)));
    const interval = 1000 / Math.min(MAX_PER_SECOND, Math.max(MIN_PER_SECOND, max));
    const sampled: SampledMember = { membership, samples, interval, next: 0 };
    samples.size++;
    this.#all.set(membership, sampled);
    if (!room.newest || room.newest.seq <= position) return void samples.resting.add(sampled);
    samples.pending.add(sampled);
    this.#mark(samples);
  }

  remove(membership: SampledMembership): void {
    const sampled = this.#all.get(membership);
    if (!sampled) return;
    const { samples } = sampled;
    this.#all.delete(membership);
    this.#waiting.delete(sampled);
    samples.delete(sampled);
    if (--samples.size > 0) return;
    this.#marked.delete(samples);
    membership.room.samples = undefined;
  }

  stop(): void {
    clearTimeout(this.#timer);
    // Negative infinity is earlier than every due time, so the timer is never set again.
    this.#armedFor = Number.NEGATIVE_INFINITY;
  }

  #mark(samples: RoomSamples): void {
    this.#marked.add(samples);
    this.#arm();
  }

  /** Sets the timer for the next visit that is due. */
  #arm(): void {
    const next = this.#marked.size > 0 ? 0 : (this.#waiting.next ?? Number.POSITIVE_INFINITY);
    if (next >= this.#armedFor) return;
    clearTimeout(this.#timer);
    this.#armedFor = next;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, next - this.now()));
    this.#timer.unref();
  }

  /** Visits memberships that are due or have a new publication, one slice per tick. */
  #run(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    const slice = new TickSlice(ITEMS_PER_TICK);
    const now = this.now();
    this.#sendDue(slice, now);
    this.#sendMarked(slice, now);
    this.#arm();
  }

  #sendDue(slice: TickSlice, now: number): void {
    while (slice.take()) {
      const sampled = this.#waiting.take(now);
      if (!sampled) return;
      this.#sample(sampled, now);
    }
  }

  #sendMarked(slice: TickSlice, now: number): void {
    for (const samples of this.#marked) {
      if (samples.pending.size === 0) samples.unmark();
      for (const sampled of samples.pending) {
        if (!slice.take()) return;
        samples.pending.delete(sampled);
        if (sampled.next > now) this.#wait(sampled);
        else this.#sample(sampled, now);
      }
      // If the room was marked again in the meantime, it is visited again.
      if (!samples.marked) this.#marked.delete(samples);
    }
  }

  #wait(sampled: SampledMember): void {
    this.#waiting.add(sampled, sampled.next);
  }

  /** Sends the newest publication if the session does not have it yet and the connection can take it. */
  #sample(sampled: SampledMember, now: number): void {
    this.visits++;
    const { membership, samples, interval } = sampled;
    const { session, room, position } = membership;
    const { newest } = room;
    if (!newest || newest.seq <= position) return void samples.resting.add(sampled);
    sampled.next = now + interval;
    if (session.backedUp()) return this.#wait(sampled);
    membership.position = newest.seq;
    samples.resting.add(sampled);
    if (newest.except !== session.id) session.send([newest]);
  }
}
