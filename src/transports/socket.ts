// A WebSocket session: the part that the raw and the multiplexed socket share.
import type { ServerWebSocket } from "bun";
import type { Asker } from "../access/caller.ts";
import type { Door } from "../access/door.ts";
import type { Incoming } from "../access/publish.ts";
import type { AskingSession } from "../access/recheck.ts";
import type { Refusal } from "../access/refusal.ts";
import { endedByClient, endedByUs } from "../hub/journal.ts";
import type { Room } from "../hub/room.ts";
import { TopicSession } from "../hub/session.ts";
import { CLOSE, type ThumpError } from "../protocol/codes.ts";
import type { Gap } from "../protocol/envelope.ts";
import type { Format } from "../protocol/formats.ts";
import type { Publication } from "../protocol/publication.ts";
import { toThumpError } from "./problem.ts";

/** Bad frames in excess of good ones that a session may send before it is closed. */
const BAD_FRAMES = 32;
/** So many frames may wait while the app's `authorize` hook thinks; and so many times the largest, in bytes. */
const HELD_FRAMES = 1024;
const HELD_SIZE = 16;
/** For a later tick more of them may wait: a client joins all of its rooms at once. In bytes, by room that it may be in. */
const HELD_PER_ROOM = 128;
/** What a frame that waits takes beside its text, in bytes. */
const HELD_OVERHEAD = 16;

/** Elysia's and Bun's socket handlers call the methods of `ws.data`: this is what we put there. */
export abstract class SocketSession extends TopicSession implements AskingSession {
  override address: string | undefined;
  #socket: ServerWebSocket<unknown> | undefined;
  #heard = true;
  #waiting = 0;
  #bad = 0;
  /** What frames wait for is a later tick, and not the hook. */
  protected awaitsTick = false;
  #held: { frames: (string | Buffer)[]; bytes: number } | undefined;

  /** @param asker who shook hands */
  constructor(
    readonly door: Door,
    readonly asker: Asker,
    transport: string,
    format: Format,
  ) {
    super(transport, format, asker.caller);
    this.network = asker.network;
    asker.session = this;
  }

  /** Begins: the connection is there. */
  protected abstract begin(): void;
  protected abstract receive(frame: string | Buffer): void;
  abstract left(room: string, why: Refusal): void;
  /** Tells the client of an error. */
  protected abstract tell(error: ThumpError): void;

  open(socket: ServerWebSocket<unknown>): void {
    this.#socket = socket;
    // Later, when the connection is gone, the engine no longer knows it.
    this.address = this.asker.address ?? socket.remoteAddress;
    this.door.enter(this);
    if (!this.ended) this.#guard(() => this.begin());
  }

  message(_socket: ServerWebSocket<unknown>, frame: string | Buffer): void {
    this.#heard = true;
    this.received++;
    if (this.ended) return;
    const size = Buffer.byteLength(frame);
    const limit = this.door.maxMessage;
    if (size > limit) {
      this.end(CLOSE.tooLarge, `the frame has ${size} bytes; ${limit} are allowed`);
      return;
    }
    if (this.asker.deciding) this.#hold(frame, size);
    else this.#guard(() => this.receive(frame));
  }

  /** An earlier frame waits for the hook's answer, or for its tick: this one waits behind it, or order would be lost. */
  #hold(frame: string | Buffer, size: number): void {
    const held = (this.#held ??= { frames: [], bytes: 0 });
    held.frames.push(frame);
    held.bytes += size + HELD_OVERHEAD;
    const largest = HELD_SIZE * this.door.maxMessage;
    const bytes = Math.max(largest, HELD_PER_ROOM * this.door.hub.roomsPerSession);
    if (this.awaitsTick ? held.bytes > bytes : held.frames.length > HELD_FRAMES || held.bytes > largest)
      this.end(CLOSE.rate, "too much waits for an answer");
  }

  override decided(): void {
    const { frames = [] } = this.#held ?? {};
    this.#held = undefined;
    this.awaitsTick = false;
    for (const frame of frames) {
      if (this.ended) return;
      if (this.asker.deciding) this.#hold(frame, Buffer.byteLength(frame));
      else this.#guard(() => this.receive(frame));
    }
  }

  drain(): void {
    this.#heard = true;
    this.door.hub.drained(this);
  }

  pong(): void {
    this.#heard = true;
  }

  close(_socket: ServerWebSocket<unknown>, code?: number): void {
    this.door.hub.remove(this, endedByClient(code));
    this.#socket = undefined;
  }

  override unread(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  override backedUp(): boolean {
    return this.unread() > this.door.hub.bounds.high;
  }

  override pending(): boolean {
    return this.unread() > 0;
  }

  override attach(rooms: Room[]): void {
    for (const room of rooms) this.subscribe(room.topic(this.format));
  }

  override detach(rooms: Room[]): void {
    for (const room of rooms) this.unsubscribe(room.topic(this.format));
  }

  override subscribe(topic: string): void {
    this.#socket?.subscribe(topic);
  }

  override unsubscribe(topic: string): void {
    this.#socket?.unsubscribe(topic);
  }

  override publish(topic: string, wire: string | Uint8Array, compress: boolean): number {
    return this.#socket?.publish(topic, wire, compress) ?? 0;
  }

  override send(publications: Publication[]): boolean {
    const socket = this.#socket;
    if (!socket) return false;
    const { epoch } = this.door.hub.log;
    let bytes = 0;
    // One write for all of them.
    socket.cork(() => {
      for (const publication of publications) {
        const wire = this.format.message(publication, epoch);
        const size = Buffer.byteLength(wire);
        const rule = this.memberships.get(publication.room)?.room.rule;
        bytes += size;
        socket.send(wire, rule !== undefined && size > rule.compressOver);
      }
    });
    this.sent += publications.length;
    this.door.hub.stats.delivered(publications.length, bytes);
    return !this.backedUp();
  }

  override charge(bytes: number): number {
    return this.door.limiter.charge(this.asker, "reads", bytes);
  }

  override gap(gap: Gap): void {
    this.reply(this.format.gap(gap) as string);
  }

  override tellPresence(text: string): void {
    this.reply(text);
  }

  override end(code: number, reason: string): void {
    if (this.ended) return;
    const socket = this.#socket;
    this.door.hub.remove(this, endedByUs(code));
    // A close frame waits its turn behind what is buffered: for a dead client that is for ever.
    if (code === CLOSE.idle && this.pending()) socket?.terminate();
    else socket?.close(code, reason.slice(0, 120));
  }

  override beat(): boolean {
    const waiting = this.unread();
    // A slow client may not have come to our ping yet; that it reads is sign enough.
    if (!this.#heard && (waiting === 0 || waiting >= this.#waiting)) return false;
    this.#heard = false;
    this.#waiting = waiting;
    this.#socket?.ping();
    return true;
  }

  /** Sends a frame that is this client's alone. One who asks on and on without reading the answers is closed. */
  protected reply(text: string): void {
    if (this.ended) return;
    this.door.hub.fanOut.flow.reserve(Buffer.byteLength(text));
    if (this.#socket?.send(text, false) === 0) this.end(CLOSE.slow, "replies are not read");
  }

  /** Publishes in the name of this session, and hands over the position once the log has it. */
  protected publishIncoming(
    incoming: Incoming,
    onKept: (p: Publication) => void,
    onError: (e: unknown) => void,
  ): void {
    const publication = this.door.publish(this.asker, incoming);
    if (publication instanceof Promise) publication.then(onKept, onError);
    else onKept(publication);
  }

  /** Tells the client what was wrong with a frame; closes one who sends hardly anything else. */
  protected refuse(thrown: unknown): void {
    const error = toThumpError(this.door.hub, thrown);
    this.tell(error);
    if (this.slowDown(error)) return;
    if (++this.#bad > BAD_FRAMES) this.end(CLOSE.badFrames, "too many bad frames");
  }

  /** Whether the error was about speed. Who goes on all the same is closed. */
  protected slowDown({ code, retry = 0 }: ThumpError): boolean {
    if (code !== "rate") return false;
    if (this.door.limiter.goesOn(this.asker, retry)) this.end(CLOSE.rate, "too fast, though told so");
    return true;
  }

  #guard(run: () => void): void {
    try {
      const before = this.#bad;
      run();
      if (this.#bad === before && before > 0) this.#bad--;
    } catch (error) {
      this.refuse(error);
    }
  }
}
