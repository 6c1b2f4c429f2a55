// SocketSession: the base class of raw and multiplexed WebSockets.
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
import { Fifo } from "../../scheduling/fifo.ts";
import { governor, type Work } from "../../scheduling/governor.ts";

/** A session is closed if its count of invalid frames exceeds this. Each valid frame lowers the count by one. */
const MAX_BAD_FRAMES = 32;
/** Maximum number of frames that wait for the `authorize` hook. */
const MAX_HELD_FRAMES = 1024;
/** Maximum number of bytes that wait for the hook, as a multiple of the maximum frame size. */
const MAX_HELD_LARGEST_FRAMES = 16;
/** Maximum bytes that wait for a later tick, per room that a session may join. A client may join all rooms at once. */
const HELD_BYTES_PER_ROOM = 128;
/** Memory overhead of a waiting frame, in addition to its text. */
const HELD_OVERHEAD_BYTES = 16;
/** Non-publishing frames that a session may send per tick. After that, frames wait if the tick's share is used up. */
const ANSWERS_PER_TICK = 32;
/** Approximate CPU time for answering a non-publishing frame, in ms. */
const ANSWER_MS = 0.015;

/** A waiting frame, or a costly command that has already been charged. */
type Held = string | Buffer | (() => void);

/** The value of `ws.data`. The socket handlers of Bun and Elysia call the session's methods. */
export abstract class SocketSession extends TopicSession implements AuthorizedSession {
  override address: string | undefined;
  #socket: ServerWebSocket<unknown> | undefined;
  /** Whether the client has been active since the last heartbeat. */
  #signOfLife = true;
  /** Unread bytes at the last heartbeat. */
  #unreadBefore = 0;
  #badFrames = 0;
  /** Waiting frames, in order of arrival; absent if there are none. */
  #held: { readonly frames: Fifo<Held>; bytes: number } | undefined;
  /** Whether frames are waiting for a later tick. */
  #awaitsTick = false;
  /** The governor's work that processes waiting frames; absent until first used. */
  #work: Work | undefined;
  /** Whether a frame that had to wait is being processed. */
  #inPiece = false;
  /** The tick whose frames `#answers` counts. */
  #tick = 0;
  #answers = 0;

  /** @param context the context of the handshake, which the session keeps */
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

  /** Called when the connection is open. */
  protected abstract begin(): void;
  protected abstract receive(frame: string | Buffer): void;
  abstract removedFrom(room: string, why: AuthError): void;
  protected abstract sendError(error: ThumpError): void;

  open(socket: ServerWebSocket<unknown>): void {
    this.#socket = socket;
    // Bun no longer provides the address after the connection is closed.
    this.address = this.context.address ?? socket.remoteAddress;
    this.service.enter(this);
    if (!this.ended) this.#guard(() => this.begin());
  }

  message(_socket: ServerWebSocket<unknown>, frame: string | Buffer): void {
    this.#signOfLife = true;
    this.received++;
    if (this.ended) return;
    const size = Buffer.byteLength(frame);
    const limit = this.service.maxMessage;
    if (size > limit) {
      this.end(CLOSE.tooLarge, `the frame has ${size} bytes; the limit is ${limit}`);
      return;
    }
    // If an earlier frame is waiting, this one waits behind it, to preserve their order.
    if (this.context.deciding || this.#awaitsTick) this.#hold(frame, size);
    else this.#guard(() => this.receive(frame));
  }

  #hold(frame: Held, size: number): void {
    const held = (this.#held ??= { frames: new Fifo(), bytes: 0 });
    held.frames.push(frame);
    held.bytes += size + HELD_OVERHEAD_BYTES;
    const largest = MAX_HELD_LARGEST_FRAMES * this.service.maxMessage;
    const most = Math.max(largest, HELD_BYTES_PER_ROOM * this.service.hub.roomsPerSession);
    const tooMuch = this.#awaitsTick
      ? held.bytes > most
      : held.bytes > largest || held.frames.size > MAX_HELD_FRAMES;
    if (tooMuch) this.end(CLOSE.rate, "too many frames wait for an answer");
  }

  override onDecided(): void {
    if (this.#held) this.#awaitTick();
  }

  #awaitTick(): void {
    this.#awaitsTick = true;
    governor.defer((this.#work ??= { piece: () => this.#processHeld() }));
  }

  /** Processes the next waiting frame. Returns true if another frame can be processed without waiting for the hook. */
  #processHeld(): boolean {
    const held = this.#held;
    if (!held || this.ended) return this.#release();
    // `onDecided` resumes processing.
    if (this.context.deciding) return (this.#awaitsTick = false);
    const frame = held.frames.shift() as Held;
    held.bytes -= HELD_OVERHEAD_BYTES + (typeof frame === "function" ? 0 : Buffer.byteLength(frame));
    this.#inPiece = true;
    this.#guard(() => (typeof frame === "function" ? frame() : this.receive(frame)));
    this.#inPiece = false;
    return held.frames.size > 0 || this.#release();
  }

  /** Discards the queue of waiting frames. Called when the queue is empty or the session has ended. */
  #release(): false {
    this.#held = undefined;
    return (this.#awaitsTick = false);
  }

  /** Runs costly work now, or in a later tick if this tick's share is used up. */
  protected runInShare(work: () => void): void {
    if (this.#inPiece) return work();
    if (governor.open) return governor.charge(work);
    this.#awaitTick();
    this.#hold(() => {
      this.service.recheck(this.context.principal);
      work();
    }, 0);
  }

  /** Counts a frame that did not publish. A packet can hold thousands of these, and a socket cannot be paused. */
  protected countAnswer(): void {
    if (this.#inPiece) return;
    governor.spend(ANSWER_MS);
    if (this.#tick !== governor.tick) this.#answers = 0;
    this.#tick = governor.tick;
    if (++this.#answers > ANSWERS_PER_TICK && !governor.open) this.#awaitTick();
  }

  drain(): void {
    this.#signOfLife = true;
    this.service.hub.onDrained(this);
  }

  pong(): void {
    this.#signOfLife = true;
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
    // Sends all publications in one write.
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
    // A close frame is sent after the buffered data, which a dead client never reads.
    if (code === CLOSE.idle && this.hasUnsent()) socket?.terminate();
    else socket?.close(code, reason.slice(0, 120));
  }

  override heartbeat(): boolean {
    const unread = this.unreadBytes();
    // A slow client may not have received the ping yet, but reading also shows that it is alive.
    if (!this.#signOfLife && (unread === 0 || unread >= this.#unreadBefore)) return false;
    this.#signOfLife = false;
    this.#unreadBefore = unread;
    this.#socket?.ping();
    return true;
  }

  /** Sends a frame to this client only. Closes clients that send commands without reading the answers. */
  protected reply(text: string): void {
    if (this.ended) return;
    this.service.hub.reserve(Buffer.byteLength(text));
    if (this.#socket?.send(text, false) === 0) this.end(CLOSE.slow, "replies are not read");
  }

  /** Publishes on behalf of this session. Calls `onStored` with the publication once the log has stored it. */
  protected publishIncoming(
    incoming: PublishRequest,
    onStored: (publication: Publication) => void,
    onError: (error: unknown) => void,
  ): void {
    const publication = this.service.publish(this.context, incoming);
    if (publication instanceof Promise) publication.then(onStored, onError);
    else onStored(publication);
  }

  /** Sends the error for a frame. Closes clients that send mostly invalid frames. */
  protected rejectFrame(thrown: unknown): void {
    this.countAnswer();
    const error = this.service.recordError(thrown);
    this.sendError(error);
    if (this.checkPace(error)) return;
    if (++this.#badFrames > MAX_BAD_FRAMES) this.end(CLOSE.badFrames, "too many bad frames");
  }

  /** Returns whether an error is due to a rate limit. Closes clients that repeatedly ignore `retry`. */
  protected checkPace({ code, retry = 0 }: ThumpError): boolean {
    if (code !== "rate") return false;
    if (this.service.ignoresRetry(this.context, retry)) this.end(CLOSE.rate, "too fast, retry was ignored");
    return true;
  }

  #guard(run: () => void): void {
    try {
      const before = this.#badFrames;
      run();
      if (this.#badFrames === before && before > 0) this.#badFrames--;
    } catch (error) {
      this.rejectFrame(error);
    }
  }
}
