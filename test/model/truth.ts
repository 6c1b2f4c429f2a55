// The plain model: every publication in a list, and what one reader of one room must have seen of it.
import type { ServerCore } from "../../src/server/server-core.ts";
import type { Publication } from "../../src/protocol/publication.ts";

export interface Told {
  seq: number;
  room: string;
  n: number;
  except: string | undefined;
}

/** All that was ever published, written down as the log numbers it. */
export class Truth {
  readonly byRoom = new Map<string, Told[]>();
  readonly byNumber = new Map<number, Told>();
  last = 0;

  /** Writes down what a server publishes. The same truth may go on with another server on the same log. */
  observe({ hub }: ServerCore): void {
    const note = (publication: Publication) => this.#note(publication);
    const publish = hub.publish.bind(hub);
    hub.publish = (draft) => {
      const publication = publish(draft);
      return publication instanceof Promise ? publication.then(note) : note(publication);
    };
    // With "at-once" somebody may read what nobody was in the room for, before it is kept.
    const { histories } = hub;
    const read = histories.read.bind(histories);
    histories.read = (room, after, limit) => {
      const slice = read(room, after, limit);
      if (!(slice instanceof Promise)) slice.publications.forEach(note);
      return slice;
    };
    // Some are delivered before they are kept.
    const deliver = hub.pipeline.deliver.bind(hub.pipeline);
    hub.pipeline.deliver = (room, publication) => deliver(room, note(publication));
  }

  #note(publication: Publication): Publication {
    const { data, seq, room, except } = publication;
    const n = data.kind === "json" ? (JSON.parse(data.text) as { n: number }).n : -1;
    if (this.byNumber.has(n)) return publication;
    const told = { seq, room, n, except };
    this.byNumber.set(n, told);
    const all = this.byRoom.get(room) ?? [];
    this.byRoom.set(room, all);
    // What nobody was in the room for is heard of when it is kept: others may have been delivered since.
    all.splice(all.findLastIndex((other) => other.seq < seq) + 1, 0, told);
    this.last = Math.max(this.last, seq);
    return publication;
  }

  /** The first publication of a room after a position that a session is to get. */
  nextAfter(room: string, position: number, session: string | undefined): Told | undefined {
    const all = this.byRoom.get(room) ?? [];
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((all[middle] as Told).seq <= position) low = middle + 1;
      else high = middle;
    }
    return all.slice(low).find(({ except }) => except === undefined || except !== session);
  }
}

/** How a room is read: everything, everything or a gap notice, or only the newest. */
export type Promised = "exact" | "gaps" | "latest";

/** Follows one reader of one room through all of its connections, and throws at the first thing that is wrong. */
export class Reader {
  /** Everything up to here was received, or said to be missing. */
  position: number | undefined;
  /** For one who began "now": it may miss nothing that was published after this. */
  confirmed = 0;
  received = 0;
  gaps = 0;

  constructor(
    readonly truth: Truth,
    readonly room: string,
    readonly promise: Promised,
  ) {}

  message(n: number, session: string | undefined): void {
    const told = this.truth.byNumber.get(n);
    if (!told) throw new Error(`${this.room}: got ${n}, which nobody published`);
    if (told.room !== this.room) throw new Error(`${this.room}: got ${n}, which is of ${told.room}`);
    if (told.except !== undefined && told.except === session)
      throw new Error(`${this.room}: got its own ${n}`);
    this.received++;
    const { position } = this;
    if (position !== undefined && told.seq <= position) {
      throw new Error(`${this.room}: got ${told.seq} at ${position}: a repeat, or out of order`);
    }
    if (this.promise !== "latest") {
      const expected = this.truth.nextAfter(this.room, position ?? this.confirmed, session);
      const early = position === undefined && told.seq <= this.confirmed;
      if (!early && expected?.seq !== told.seq) {
        throw new Error(
          `${this.room}: at ${position ?? this.confirmed} got ${told.seq}, expected ${expected?.seq}`,
        );
      }
    }
    this.position = told.seq;
  }

  gap(at: number): void {
    if (this.promise === "exact") throw new Error(`${this.room}: a gap notice, though everything is kept`);
    if (at < (this.position ?? 0)) throw new Error(`${this.room}: a gap notice that goes back to ${at}`);
    this.gaps++;
    this.position = at;
  }

  /** The server said: you have everything up to here. */
  at(position: number, session: string | undefined): void {
    const held = this.position;
    if (held === undefined) this.position = position;
    else if (position > held) {
      const missed = this.truth.nextAfter(this.room, held, session);
      if (missed && missed.seq <= position && this.promise !== "latest") {
        throw new Error(`${this.room}: told to be at ${position}, but ${missed.seq} never came`);
      }
      this.position = position;
    }
  }
}
