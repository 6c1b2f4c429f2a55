// A WebSocket session: the part that the raw and the multiplexed socket share.
import type { ServerWebSocket } from "bun";
import type { RequestContext } from "../../auth/principal.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { PublishRequest } from "../../service/publish.ts";
import type { AuthorizedSession } from "../../service/recheck.ts";
import type { AuthError } from "../../auth/auth-error.ts";
import { endedByClient, endedByUs } from "../../hub/session-events.ts";
import type { Room } from "../../hub/room.ts";
import { TopicSession } from "../../hub/session.ts";
import { CLOSE, type ThumpError } from "../../protocol/codes.ts";
import type { Gap } from "../../protocol/envelope.ts";
import type { Format } from "../../protocol/formats.ts";
import type { Publication } from "../../protocol/publication.ts";
import { governor, type Work } from "../../scheduling/governor.ts";

/** Bad frames in excess of good ones that a session may send before it is closed. */
const MAX_BAD_FRAMES = 32;
/** The most frames that wait while the app's `authorize` hook decides. */
const MAX_HELD_FRAMES = 1024;
/** The most bytes of frames that wait, as a multiple of the largest frame. */
const MAX_HELD_LARGEST_FRAMES = 16;
/** For a later tick more of them may wait: a client joins all of its rooms at once. In bytes per room. */
const HELD_BYTES_PER_ROOM = 128;
/** The memory of a waiting frame in addition to its text, in bytes. */
const HELD_OVERHEAD_BYTES = 16;
/** Frames that publish nothing, of one session in one tick: more of them wait until a tick has time for them. */
const ANSWERS_PER_TICK = 32;
/** About what the answer to such a frame costs, in ms. */
const ANSWER_MS = 0.015;

/** What waits: frames, and costly commands whose rate was taken. */
type Held = string | Buffer | (() => void);

/** Elysia's and Bun's socket handlers call the methods of `ws.data`: this is what we put there. */
export abstract class SocketSession extends TopicSession implements AuthorizedSession {
  override address: string | undefined;
  #socket: ServerWebSocket<unknown> | undefined;
  #heard = true;
  #waiting = 0;
  #bad = 0;
  /** In the order in which they came. Absent as long as nothing waits. */
  #held: { frames: Held[]; next: number; bytes: number } | undefined;
  /** What waits does so for a later tick. */
  #awaitsTick = false;
  /** What waits, as work of the governor; absent as long as nothing waited. */
  #work: Work | undefined;
  /** A frame that waited is processed now. */
  #inPiece = false;
  #tick = 0;
  #answers = 0;

  /** @param context who shook hands */
  constructor(
    readonly service: RoomService,
    readonly context: RequestContext,
    transport: string,
    format: Format,
  ) {
    super(transport, format, context.principal);
    this.addressKey = context.addressKey;
    context.session = this;
  }

  /** Begins: the connection is there. */
  protected abstract begin(): void;
  protected abstract receive(frame: string | Buffer): void;
  abstract removedFrom(room: string, why: AuthError): void;
  /** Tells the client of an error. */
  protected abstract tell(error: ThumpError): void;

  open(socket: ServerWebSocket<unknown>): void {
    this.#socket = socket;
    // Later, when the connection is gone, Bun no longer knows it.
    this.address = this.context.address ?? socket.remoteAddress;
    this.service.enter(this);
    if (!this.ended) this.#guard(() => this.begin());
  }

  message(_socket: ServerWebSocket<unknown>, frame: string | Buffer): void {
    this.#heard = true;
    this.received++;
    if (this.ended) return;
    const size = Buffer.byteLength(frame);
    const limit = this.service.maxMessage;
    if (size > limit) {
      this.end(CLOSE.tooLarge, `the frame has ${size} bytes; ${limit} are allowed`);
      return;
    }
    // An earlier frame waits for the hook, or for a tick: this one waits behind it, or their order would be lost.
    if (this.context.deciding || this.#awaitsTick) this.#hold(frame, size);
    else this.#guard(() => this.receive(frame));
  }

  #hold(frame: Held, size: number): void {
    const held = (this.#held ??= { frames: [], next: 0, bytes: 0 });
    held.frames.push(frame);
    held.bytes += size + HELD_OVERHEAD_BYTES;
    const largest = MAX_HELD_LARGEST_FRAMES * this.service.maxMessage;
    const most = Math.max(largest, HELD_BYTES_PER_ROOM * this.service.hub.roomsPerSession);
    const tooMuch = this.#awaitsTick
      ? held.bytes > most
      : held.bytes > largest || held.frames.length - held.next > MAX_HELD_FRAMES;
    if (tooMuch) this.end(CLOSE.rate, "too much waits for an answer");
  }

  override onDecided(): void {
    if (this.#held) this.#awaitTick();
  }

  #awaitTick(): void {
    this.#awaitsTick = true;
    governor.defer((this.#work ??= { piece: () => this.#processHeld() }));
  }

  /** Processes the next frame that waits. True if there is another one that need not wait for the hook. */
  #processHeld(): boolean {
    const held = this.#held;
    if (!held || this.ended) return this.#release();
    // The end of its decision continues here.
    if (this.context.deciding) return (this.#awaitsTick = false);
    const frame = held.frames[held.next++] as Held;
    held.bytes -= HELD_OVERHEAD_BYTES + (typeof frame === "function" ? 0 : Buffer.byteLength(frame));
    this.#inPiece = true;
    this.#guard(() => (typeof frame === "function" ? frame() : this.receive(frame)));
    this.#inPiece = false;
    return held.next < held.frames.length || this.#release();
  }

  /** Nothing waits any more. */
  #release(): false {
    this.#held = undefined;
    return (this.#awaitsTick = false);
  }

  /** Does costly work now, or in a later tick once this tick's share is used up. */
  protected runInShare(work: () => void): void {
    if (this.#inPiece) return work();
    if (governor.open) return governor.charge(work);
    this.#awaitTick();
    this.#hold(() => {
      this.service.recheck(this.context.principal);
      work();
    }, 0);
  }

  /** Counts a frame that published nothing. A packet may have thousands of them, and a socket cannot be paused. */
  protected countAnswer(): void {
    if (this.#inPiece) return;
    governor.spend(ANSWER_MS);
    if (this.#tick !== governor.tick) this.#answers = 0;
    this.#tick = governor.tick;
    if (++this.#answers > ANSWERS_PER_TICK && !governor.open) this.#awaitTick();
  }

  drain(): void {
    this.#heard = true;
    this.service.hub.onDrained(this);
  }

  pong(): void {
    this.#heard = true;
  }

  close(_socket: ServerWebSocket<unknown>, code?: number): void {
    this.service.hub.remove(this, endedByClient(code));
    this.#socket = undefined;
  }

  override unreadBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  override backedUp(): boolean {
    return this.unreadBytes() > this.service.hub.highWatermark;
  }

  override hasUnsent(): boolean {
    return this.unreadBytes() > 0;
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
    const { epoch } = this.service.hub;
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
    this.service.hub.countDelivered(publications.length, bytes);
    return !this.backedUp();
  }

  override charge(bytes: number): number {
    return this.service.chargeReads(this.context, bytes);
  }

  override gap(gap: Gap): void {
    this.reply(this.format.gap(gap) as string);
  }

  override sendPresence(text: string): void {
    this.reply(text);
  }

  override end(code: number, reason: string): void {
    if (this.ended) return;
    const socket = this.#socket;
    this.service.hub.remove(this, endedByUs(code));
    // A close frame waits its turn behind what is buffered: for a dead client that is for ever.
    if (code === CLOSE.idle && this.hasUnsent()) socket?.terminate();
    else socket?.close(code, reason.slice(0, 120));
  }

  override heartbeat(): boolean {
    const waiting = this.unreadBytes();
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
    this.service.hub.reserve(Buffer.byteLength(text));
    if (this.#socket?.send(text, false) === 0) this.end(CLOSE.slow, "replies are not read");
  }

  /** Publishes in the name of this session, and hands over the position once the log has it. */
  protected publishIncoming(
    incoming: PublishRequest,
    onKept: (p: Publication) => void,
    onError: (e: unknown) => void,
  ): void {
    const publication = this.service.publish(this.context, incoming);
    if (publication instanceof Promise) publication.then(onKept, onError);
    else onKept(publication);
  }

  /** Tells the client what was wrong with a frame; closes one who sends hardly anything else. */
  protected refuse(thrown: unknown): void {
    this.countAnswer();
    const error = this.service.recordError(thrown);
    this.tell(error);
    if (this.slowDown(error)) return;
    if (++this.#bad > MAX_BAD_FRAMES) this.end(CLOSE.badFrames, "too many bad frames");
  }

  /** Whether the error was about speed. Who goes on all the same is closed. */
  protected slowDown({ code, retry = 0 }: ThumpError): boolean {
    if (code !== "rate") return false;
    if (this.service.ignoresRetry(this.context, retry)) this.end(CLOSE.rate, "too fast, though told so");
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
