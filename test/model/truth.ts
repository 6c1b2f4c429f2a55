// The model: a list of all publications, and a check of the messages that a reader receives in one room.
import type { ServerCore } from "../../src/server/server-core.ts";
import type { Publication } from "../../src/protocol/publication.ts";

/** A publication in the model. */
export interface Recorded {
  seq: number;
  room: string;
  n: number;
  except: string | undefined;
}

/** All publications, with the seqs that the log assigned. */
export class Truth {
  readonly byRoom = new Map<string, Recorded[]>();
  readonly byNumber = new Map<number, Recorded>();
  last = 0;

  /** Records a server's publications. Called again for each later server on the same log. */
  observe({ hub }: ServerCore): void {
    const record = (publication: Publication) => this.#record(publication);
    const publish = hub.publish.bind(hub);
    hub.publish = (draft) => {
      const publication = publish(draft);
      return publication instanceof Promise ? publication.then(record) : record(publication);
    };
    // With `deliver: "at-once"` a client may read a publication before it is stored.
    const { histories } = hub;
    const read = histories.read.bind(histories);
    histories.read = (room, after, limit) => {
      const slice = read(room, after, limit);
      if (!(slice instanceof Promise)) slice.publications.forEach(record);
      return slice;
    };
    // Some publications are delivered before they are stored.
    const deliver = hub.pipeline.deliver.bind(hub.pipeline);
    hub.pipeline.deliver = (room, publication) => deliver(room, record(publication));
  }

  #record(publication: Publication): Publication {
    const { data, seq, room, except } = publication;
    const n = data.kind === "json" ? (JSON.parse(data.text) as { n: number }).n : -1;
    if (this.byNumber.has(n)) return publication;
    const recorded = { seq, room, n, except };
    this.byNumber.set(n, recorded);
    const all = this.byRoom.get(room) ?? [];
    this.byRoom.set(room, all);
    // A publication to a room without sessions is recorded when it is stored. Later publications may already have been
    // delivered.
    all.splice(all.findLastIndex((other) => other.seq < seq) + 1, 0, recorded);
    this.last = Math.max(this.last, seq);
    return publication;
  }

  /** Finds the next publication in a room that a session must receive after a position. */
  nextAfter(room: string, position: number, session: string | undefined): Recorded | undefined {
    const all = this.byRoom.get(room) ?? [];
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((all[middle] as Recorded).seq <= position) low = middle + 1;
      else high = middle;
    }
    return all.slice(low).find(({ except }) => except === undefined || except !== session);
  }
}

/** A room's guarantee: every message, every message or a gap notice, or only the newest. */
export type Promised = "exact" | "gaps" | "latest";

/** Checks one reader of one room across all its connections. Throws at the first violation. */
export class Reader {
  /** The reader has received everything up to here, or a notice that it is missing. */
  position: number | undefined;
  /** If the reader started "now", it must receive everything published after this seq. */
  confirmed = 0;
  received = 0;
  gaps = 0;

  constructor(
    readonly truth: Truth,
    readonly room: string,
    readonly promise: Promised,
  ) {}

  message(n: number, session: string | undefined): void {
    const recorded = this.truth.byNumber.get(n);
    if (!recorded) throw new Error(`${this.room}: received ${n}, which was not published`);
    if (recorded.room !== this.room)
      throw new Error(`${this.room}: received ${n}, which belongs to ${recorded.room}`);
    if (recorded.except !== undefined && recorded.except === session)
      throw new Error(`${this.room}: received its own ${n}`);
    this.received++;
    const { position } = this;
    if (position !== undefined && recorded.seq <= position) {
      throw new Error(`${this.room}: received ${recorded.seq} at ${position}: a repeat, or out of order`);
    }
    if (this.promise !== "latest") {
      const expected = this.truth.nextAfter(this.room, position ?? this.confirmed, session);
      const early = position === undefined && recorded.seq <= this.confirmed;
      if (!early && expected?.seq !== recorded.seq) {
        throw new Error(
          `${this.room}: at ${position ?? this.confirmed} received ${recorded.seq}, expected ${expected?.seq}`,
        );
      }
    }
    this.position = recorded.seq;
  }

  gap(at: number): void {
    if (this.promise === "exact")
      throw new Error(`${this.room}: a gap notice, although everything is stored`);
    if (at < (this.position ?? 0)) throw new Error(`${this.room}: a gap notice back to ${at}`);
    this.gaps++;
    this.position = at;
  }

  /** Called when the server reports that everything up to a position has been sent. */
  at(position: number, session: string | undefined): void {
    const current = this.position;
    if (current === undefined) this.position = position;
    else if (position > current) {
      const missed = this.truth.nextAfter(this.room, current, session);
      if (missed && missed.seq <= position && this.promise !== "latest") {
        throw new Error(`${this.room}: the server reported ${position}, but ${missed.seq} did not arrive`);
      }
      this.position = position;
    }
  }
}
