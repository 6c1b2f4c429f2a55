// A room's implementation: what it lets through of what a connection brings, and to whom it tells it.
import type { Gap, Message, PublishOptions, Room, RoomEvents, State } from "./public-types.ts";
import { type EncodedData, readData } from "./message-data.ts";
import { Emitter } from "./emitter.ts";
import { ThumpError } from "./client-errors.ts";
import { RoomMembers, type Members, type PresenceFrame } from "./room-members.ts";
import { type CursorPosition, parsePosition, CursorTracker } from "./cursor-tracker.ts";

/** So many publications wait for a loop. */
const MAX_ITERATOR_QUEUE = 10_000;

/** An envelope, as sockets and streams of several rooms carry it. */
export interface Envelope extends EncodedData, Omit<Message, "data"> {
  room: string;
  prev: number;
}

/** Whose rooms they are. */
export interface RoomHandleOwner {
  /** The state of a room that the connection has, or not yet. */
  stateOf(handle: RoomHandle): State;
  publish(room: string, data: unknown, options?: PublishOptions): Promise<string>;
  leave(handle: RoomHandle): void;
  /** More is wanted of the room than it was joined for. */
  rejoin(handle: RoomHandle): void;
  /** Its position has changed. */
  moved(handle: RoomHandle): void;
  /** Its state has changed. */
  changed(): void;
}

export class RoomHandle extends Emitter<RoomEvents<unknown>> implements Room {
  readonly tracker = new CursorTracker();
  /** Who is present is wanted. */
  presence = false;
  /** The server has us in. */
  joined = false;
  state: State = "connecting";
  error: ThumpError | undefined;
  readonly #members = new RoomMembers();

  constructor(
    readonly owner: RoomHandleOwner,
    readonly name: string,
    readonly last?: number | undefined,
  ) {
    super();
  }

  get at(): string | undefined {
    return this.tracker.after;
  }

  get members(): Members {
    if (!this.presence && this.state !== "closed") {
      this.presence = true;
      if (this.joined) this.owner.rejoin(this);
    }
    return this.#members;
  }

  publish(data: unknown, options?: PublishOptions): Promise<string> {
    return this.owner.publish(this.name, data, options);
  }

  leave(): void {
    this.owner.leave(this);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void> {
    const waiting: Message[] = [];
    let wake = () => {};
    let behind = false;
    const offs = [
      this.on("state", () => wake()),
      this.on("message", (data, meta) => {
        behind ||= waiting.length === MAX_ITERATOR_QUEUE;
        if (!behind) waiting.push({ data, ...meta });
        wake();
      }),
    ];
    try {
      for (;;) {
        for (let next; (next = waiting.shift());) yield next;
        if (behind) throw new ThumpError("behind", "The loop is too slow.");
        if (this.error) throw this.error;
        if (this.state === "closed") return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      for (const off of offs) off();
    }
  }

  /** The server took us in, over a connection that says what it replays. */
  onJoined(reply: { at: string; resumed: boolean; replay: number; presence?: PresenceFrame }): void {
    this.tracker.joined(reply);
    if (reply.presence) this.onPresence(reply.presence);
    this.owner.moved(this);
    this.setJoined(true);
  }

  /** In now, or not: then nothing is taken until it is. */
  setJoined(joined: boolean): void {
    if (!joined) this.tracker.detach();
    this.joined = joined;
    this.owner.changed();
  }

  /** A publication has come. False when something before it is missing. @param text the envelope as it came */
  message(envelope: Envelope, text: string): boolean {
    const { event, at, from, time, prev } = envelope;
    const { tracker } = this;
    const { isCatchingUp } = tracker;
    const verdict = tracker.message(parsePosition(at) as CursorPosition, prev);
    if (verdict === "next") {
      this.emit("message", readData(envelope), { event, at, from, time }, text);
      this.owner.moved(this);
      if (isCatchingUp !== tracker.isCatchingUp) this.owner.changed();
    }
    return verdict !== "missing";
  }

  /** Something of this room has come. False when something before it is missing. */
  take(type: string, frame: Envelope & Gap, text: string): boolean {
    if (type === "message") return this.message(frame, text);
    if (type === "gap") this.gap(frame);
    else if (type === "presence") this.onPresence(frame as unknown as PresenceFrame);
    return true;
  }

  gap({ after, at }: Gap): void {
    if (!this.tracker.gap(after, at)) return;
    this.emit("gap", { after, at });
    this.owner.moved(this);
    this.owner.changed();
  }

  onPresence(frame: PresenceFrame): void {
    this.#members.apply(frame);
  }

  /** Everything up to here has come. */
  onPosition(at: CursorPosition): void {
    this.tracker.covered(at);
    this.owner.moved(this);
  }

  fail(error: ThumpError): void {
    if (!this.emit("error", error)) console.error(`thump: ${this.name}:`, error);
  }

  /** Tells if its state is another one now. */
  update(): void {
    const state = this.owner.stateOf(this);
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }

  /** The server does not let us in, or any more. True where it may in another way. */
  refused(error: ThumpError): boolean {
    this.error = error;
    this.fail(error);
    // It may be the members alone that are not ours to see.
    const { presence } = this;
    this.presence = false;
    if (presence && error.code === "forbidden") {
      this.error = undefined;
      return true;
    }
    this.owner.leave(this);
    return false;
  }
}
