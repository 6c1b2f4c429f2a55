// Sampling: a subscriber that asked for at most N publications per second receives the newest, up to N times per second.
// One timer serves all of them, and runs only while a sampled room has something new.
import type { Publication } from "../protocol/publication.ts";
import { TickSlice } from "../scheduling/tick-slice.ts";
import { type DueItem, DueQueue } from "./due-queue.ts";

/** Samples per second: a timer can be neither faster nor much slower. */
const MAX_PER_SECOND = 100;
const MIN_PER_SECOND = 0.001;
/** The most memberships that are looked at in one tick. */
const ITEMS_PER_TICK = 500;

/** What the sampler needs of a membership. */
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
  /** The shortest time between two samples, in ms. */
  readonly interval: number;
  /** The earliest time of the next sample. */
  next: number;
}

/** The sampled memberships of one room that wait for something new. */
export class RoomSamples {
  /** Those that have the newest. */
  resting = new Set<SampledMember>();
  /** Those that are still to be looked at, because of something new. */
  pending = new Set<SampledMember>();
  size = 0;
  marked = false;

  /** @param onMark called once when there is something new, until `unmark` */
  constructor(readonly onMark: (samples: RoomSamples) => void) {}

  /** The room has a new publication: the same cost however many sample it. */
  mark(): void {
    if (this.marked || this.resting.size === 0) return;
    this.marked = true;
    this.onMark(this);
  }

  /** All that rest are pending from now on; a later publication marks the room again. */
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
  /** How often a membership was looked at. */
  looks = 0;
  /** A monotonic clock, in ms. */
  now: () => number = () => performance.now();
  readonly #all = new Map<SampledMembership, SampledMember>();
  /** Rooms with something new. */
  readonly #fresh = new Set<RoomSamples>();
  /** Memberships that have had a sample too recently for another one. */
  readonly #later = new DueQueue<SampledMember>();
  #timer: Timer | undefined;
  /** When the timer runs; infinite if it does not. */
  #armed = Number.POSITIVE_INFINITY;

  /** How many memberships are sampled. */
  get size(): number {
    return this.#all.size;
  }

  /** Begins to sample a membership: with what is new in the next tick. */
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
    this.#later.delete(sampled);
    samples.delete(sampled);
    if (--samples.size > 0) return;
    this.#fresh.delete(samples);
    membership.room.samples = undefined;
  }

  stop(): void {
    clearTimeout(this.#timer);
    // Nothing is earlier.
    this.#armed = Number.NEGATIVE_INFINITY;
  }

  #mark(samples: RoomSamples): void {
    this.#fresh.add(samples);
    this.#arm();
  }

  /** Runs the timer when the next thing is due. */
  #arm(): void {
    const next = this.#fresh.size > 0 ? 0 : (this.#later.next ?? Number.POSITIVE_INFINITY);
    if (next >= this.#armed) return;
    clearTimeout(this.#timer);
    this.#armed = next;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, next - this.now()));
    this.#timer.unref();
  }

  /** Looks at those for which there is something new, and at those that had to wait: a slice per tick. */
  #run(): void {
    this.#armed = Number.POSITIVE_INFINITY;
    const slice = new TickSlice(ITEMS_PER_TICK);
    const now = this.now();
    this.#runLater(slice, now);
    this.#runFresh(slice, now);
    this.#arm();
  }

  #runLater(slice: TickSlice, now: number): void {
    while (slice.take()) {
      const sampled = this.#later.take(now);
      if (!sampled) return;
      this.#show(sampled, now);
    }
  }

  #runFresh(slice: TickSlice, now: number): void {
    for (const samples of this.#fresh) {
      if (samples.pending.size === 0) samples.unmark();
      for (const sampled of samples.pending) {
        if (!slice.take()) return;
        samples.pending.delete(sampled);
        if (sampled.next > now) this.#wait(sampled);
        else this.#show(sampled, now);
      }
      // Marked again while a slice of it was pending: it gets another turn.
      if (!samples.marked) this.#fresh.delete(samples);
    }
  }

  #wait(sampled: SampledMember): void {
    this.#later.add(sampled, sampled.next);
  }

  /** Sends the newest publication, if there is one since the last and the connection can take it. */
  #show(sampled: SampledMember, now: number): void {
    this.looks++;
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
