// Room handle: applies received frames to a room, drops repeated messages, and notifies listeners.
import type { Gap, Message, PublishOptions, Room, RoomEvents, State } from "./public-types.ts";
import { type EncodedData, readData } from "./message-data.ts";
import { Emitter } from "./emitter.ts";
import { ThumpError } from "./client-errors.ts";
import { RoomMembers, type Members, type PresenceFrame } from "./room-members.ts";
import { type CursorPosition, parsePosition, CursorTracker } from "./cursor-tracker.ts";

/** Maximum number of messages that may wait for a `for await` loop. */
const MAX_ITERATOR_QUEUE = 10_000;

/** A message's envelope on a multiplexed connection. */
export interface Envelope extends EncodedData, Omit<Message, "data"> {
  room: string;
  /** The seq of the room's previous message. */
  prev: number;
}

/** The parts of the client that its rooms use. */
export interface RoomHandleOwner {
  /** The current state of a room. */
  stateOf(handle: RoomHandle): State;
  publish(room: string, data: unknown, options?: PublishOptions): Promise<string>;
  leave(handle: RoomHandle): void;
  /** Joins again, with presence. */
  rejoin(handle: RoomHandle): void;
  /** Called when the position of a room changes. */
  moved(handle: RoomHandle): void;
  /** Called when the state of a room may have changed. */
  changed(): void;
}

export class RoomHandle extends Emitter<RoomEvents<unknown>> implements Room {
  readonly tracker = new CursorTracker();
  /** True if the program uses `members`. */
  presence = false;
  /** True while joined on the current connection. */
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
    let overflowed = false;
    const offs = [
      this.on("state", () => wake()),
      this.on("message", (data, meta) => {
        overflowed ||= waiting.length === MAX_ITERATOR_QUEUE;
        if (!overflowed) waiting.push({ data, ...meta });
        wake();
      }),
    ];
    try {
      for (;;) {
        for (let next; (next = waiting.shift());) yield next;
        if (overflowed) throw new ThumpError("behind", "The loop is too slow.");
        if (this.error) throw this.error;
        if (this.state === "closed") return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      for (const off of offs) off();
    }
  }

  /** Handles the reply to a join. */
  onJoined(reply: { at: string; resumed: boolean; replay: number; presence?: PresenceFrame }): void {
    this.tracker.joined(reply);
    if (reply.presence) this.onPresence(reply.presence);
    this.owner.moved(this);
    this.setJoined(true);
  }

  /** Marks the room as joined or detached. Detached rooms drop messages. */
  setJoined(joined: boolean): void {
    if (!joined) this.tracker.detach();
    this.joined = joined;
    this.owner.changed();
  }

  /** Delivers a message once. Returns false if earlier messages are missing. @param text the envelope's source */
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

  /** Handles a frame for this room. Returns false if messages are missing, so that the caller must rejoin. */
  onFrame(type: string, frame: Envelope & Gap, text: string): boolean {
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

  /** Handles a position announced by the server: no message up to this position is outstanding. */
  onPosition(at: CursorPosition): void {
    this.tracker.advance(at);
    this.owner.moved(this);
  }

  fail(error: ThumpError): void {
    if (!this.emit("error", error)) console.error(`thump: ${this.name}:`, error);
  }

  /** Recomputes the state, and notifies listeners if it changed. */
  update(): void {
    const state = this.owner.stateOf(this);
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }

  /** Handles a failed join, or a removal. Returns true if a join without presence may succeed. */
  onRefused(error: ThumpError): boolean {
    this.error = error;
    this.fail(error);
    // The rule may allow joining the room but not seeing its members.
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
