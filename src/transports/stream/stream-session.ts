// StreamSession: the base class of Server-Sent Events and NDJSON streams. Each stream is one long response.
import type { RequestContext } from "../../auth/principal.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { AuthorizedSession } from "../../service/recheck.ts";
import type { AuthError } from "../../auth/auth-error.ts";
import type { StreamBatcher } from "../../hub/stream-batcher.ts";
import type { ContentCoding } from "../../hub/content-coding.ts";
import { endedByClient, endedByUs } from "../../hub/session-events.ts";
import { isCaughtUp, positionOf } from "../../hub/merge.ts";
import type { Room } from "../../hub/room.ts";
import { Session, type StreamSink } from "../../hub/session.ts";
import { CLOSE } from "../../protocol/codes.ts";
import type { Gap } from "../../protocol/envelope.ts";
import type { StreamFormat } from "../../protocol/formats.ts";
import type { Publication } from "../../protocol/publication.ts";
import { streamHeaders } from "../http/error-response.ts";

const encoder = new TextEncoder();
/** Measured CPU cost of replaying a byte with compression, relative to the cost without compression. */
const COMPRESSION_COST_FACTOR = 4;

export abstract class StreamSession extends Session implements StreamSink, AuthorizedSession {
  #controller: ReadableStreamDirectController | undefined;
  #batcher: StreamBatcher | undefined;
  /** The final text, if the session ended before the response began. */
  #finalText = "";
  #release = () => {};
  /** Whether the connection is backed up. */
  #full = false;
  /** Whether the connection was backed up at the last heartbeat and has not drained since. */
  #stalled = false;
  #keepOpenTimer: Timer | undefined;
  override readonly address: string | undefined;

  constructor(
    readonly service: RoomService,
    readonly context: RequestContext,
    override readonly format: StreamFormat,
    readonly coding: ContentCoding,
  ) {
    super(format.name, format, context.principal);
    this.address = context.address;
    this.addressKey = context.addressKey;
    context.session = this;
  }

  /** Called when the stream is open, before any text is written. */
  protected abstract begin(): void;
  /** The final text of a stream that the server ends. The text depends on the WebSocket close code. */
  protected abstract finalText(code: number, reason: string): string;

  /**
   * Ends the stream, because the session is no longer in all of the stream's rooms. When the client reconnects, the
   * response contains the reason.
   */
  removedFrom(_room: string, { message }: AuthError): void {
    this.end(CLOSE.removed, message);
  }

  /** Sends keep-alives in addition to heartbeats, whose interval is longer than Bun's idle timeout. */
  keepAwake(ms: number): void {
    this.#keepOpenTimer = setInterval(() => {
      if (this.ended) clearInterval(this.#keepOpenTimer);
      else if (!this.#full) this.#keepAlive();
    }, ms);
  }

  /** The response that carries the stream. @param release called before the response ends */
  respond(release: () => void): Response {
    this.#release = release;
    const body = new ReadableStream({
      type: "direct",
      // Bun calls `pull` once. Because `pull` returns no promise, the stream stays open.
      pull: (controller: ReadableStreamDirectController) => {
        this.#begin(controller);
      },
      cancel: () => this.#gone(),
    });
    return new Response(body, {
      headers: {
        ...streamHeaders(this.format),
        ...(this.coding.name ? { "content-encoding": this.coding.name } : {}),
      },
    });
  }

  #begin(controller: ReadableStreamDirectController): void {
    if (this.ended) {
      this.#close(controller, this.#finalText);
      return;
    }
    this.#controller = controller;
    if (this.coding.name) this.write(this.coding.head);
    this.begin();
  }

  /** The cursor that covers all rooms of the stream. */
  protected cursor(): string {
    const { hub } = this.service;
    let position = hub.position;
    for (const membership of this.memberships.values()) {
      // A room that has no later publications does not hold back the cursor.
      if (!membership.live && !isCaughtUp(membership)) position = Math.min(position, positionOf(membership));
    }
    return hub.cursorAt(position);
  }

  write(chunk: Uint8Array): boolean {
    const written = this.#controller?.write(chunk) as number | Promise<number> | undefined;
    if (!(written instanceof Promise)) return !this.#full;
    // Bun accepts the chunk even though the connection is backed up. No publication is sent until the chunk has been
    // sent.
    if (this.#full) return false;
    this.#full = true;
    const drained = () => {
      this.#full = false;
      this.#stalled = false;
      this.service.hub.onDrained(this);
    };
    written.then(drained, () => this.#gone());
    return false;
  }

  override backedUp(): boolean {
    return this.#full;
  }

  override hasUnsent(): boolean {
    return this.#full;
  }

  override attach(rooms: Room[]): void {
    this.#batcher = this.service.hub.attachStream(this, rooms);
  }

  override detach(): void {
    const batcher = this.#batcher;
    this.#batcher = undefined;
    if (batcher) this.service.hub.detachStream(this, batcher);
  }

  override send(publications: Publication[]): boolean {
    if (publications.length === 0) return !this.#full;
    const { hub } = this.service;
    const chunk = encoder.encode(
      publications.map((publication) => this.format.message(publication, hub.epoch)).join(""),
    );
    this.sent += publications.length;
    hub.countDelivered(publications.length, chunk.length);
    return this.write(this.coding.block(chunk));
  }

  override charge(bytes: number): number {
    // A replay is compressed only for this stream.
    const factor = this.coding.name ? COMPRESSION_COST_FACTOR : 1;
    return this.service.chargeReads(this.context, bytes * factor);
  }

  override gap(gap: Gap): void {
    this.writeText(this.format.gap(gap));
  }

  override sendPresence(text: string): void {
    this.writeText(this.format.presence(text));
  }

  override end(code: number, reason: string): void {
    if (this.ended) return;
    this.service.hub.remove(this, endedByUs(code));
    const controller = this.#controller;
    this.#controller = undefined;
    // A client that does not read would not read the final text either.
    if (this.#full) {
      this.#release();
      controller?.close(new Error(reason));
      return;
    }
    const text = this.finalText(code, reason);
    if (controller) this.#close(controller, text);
    else this.#finalText = text;
  }

  #close(controller: ReadableStreamDirectController, text: string): void {
    this.#release();
    if (text !== "") controller.write(this.#encode(text));
    controller.end();
  }

  override heartbeat(): boolean {
    // Without a controller, the response was never read.
    if (!this.#controller) return false;
    if (this.#full) {
      if (this.#stalled) return false;
      this.#stalled = true;
      return true;
    }
    this.#keepAlive();
    return true;
  }

  #keepAlive(): void {
    // Batched publications must be sent before the position that covers them.
    this.#batcher?.flush();
    if (!this.#full) this.writeText(this.format.keepAlive(this.cursor()));
  }

  protected writeText(text: string): boolean {
    return this.write(this.#encode(text));
  }

  #encode(text: string): Uint8Array {
    return this.coding.block(encoder.encode(text));
  }

  #gone(): void {
    this.#controller = undefined;
    this.service.hub.remove(this, endedByClient());
  }
}
