// A stream session: one long response, as Server-Sent Events or NDJSON. What it says first, its kinds know.
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
/** What a byte of a replay costs that is compressed, of one that is not: in processor time, measured. */
const ENQUEUED_PER_CODED_BYTE = 4;

export abstract class StreamSession extends Session implements StreamSink, AuthorizedSession {
  #controller: ReadableStreamDirectController | undefined;
  #batcher: StreamBatcher | undefined;
  /** Its end, if that came before the response. */
  #lastWords = "";
  #release = () => {};
  #full = false;
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

  /** The stream is open, and nothing was written. */
  protected abstract begin(): void;
  /** The last words of a stream that the server ends, with a code as sockets are closed with. */
  protected abstract farewell(code: number, reason: string): string;

  /** What it was opened for is no longer whole: the next try is told why. */
  removedFrom(_room: string, { message }: AuthError): void {
    this.end(CLOSE.removed, message);
  }

  /** Sends keep-alives of its own, beside those of the heartbeat: silence would end the connection before the next one. */
  keepAwake(ms: number): void {
    this.#keepOpenTimer = setInterval(() => {
      if (this.ended) clearInterval(this.#keepOpenTimer);
      else if (!this.#full) this.#keepAlive();
    }, ms);
  }

  /** The response that carries the stream. The session has entered. @param release called before the response ends */
  respond(release: () => void): Response {
    this.#release = release;
    const body = new ReadableStream({
      type: "direct",
      // Called once; as it returns no promise, the stream stays open after it.
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
      this.#close(controller, this.#lastWords);
      return;
    }
    this.#controller = controller;
    if (this.coding.name) this.write(this.coding.head);
    this.begin();
  }

  /** The cursor that covers all of its rooms. */
  protected cursor(): string {
    const { hub } = this.service;
    let position = hub.position;
    for (const membership of this.memberships.values()) {
      // Of a room that had nothing since, it has everything.
      if (!membership.live && !isCaughtUp(membership)) position = Math.min(position, positionOf(membership));
    }
    return hub.cursorAt(position);
  }

  write(chunk: Uint8Array): boolean {
    const written = this.#controller?.write(chunk) as number | Promise<number> | undefined;
    if (!(written instanceof Promise)) return !this.#full;
    // Backed up: the chunk is accepted all the same, and no publication is sent until it has left.
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
    // What it is caught up with is compressed for this stream alone.
    const factor = this.coding.name ? ENQUEUED_PER_CODED_BYTE : 1;
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
    // Who does not read does not read this either.
    if (this.#full) {
      this.#release();
      controller?.close(new Error(reason));
      return;
    }
    const words = this.farewell(code, reason);
    if (controller) this.#close(controller, words);
    else this.#lastWords = words;
  }

  #close(controller: ReadableStreamDirectController, words: string): void {
    this.#release();
    if (words !== "") controller.write(this.#coded(words));
    controller.end();
  }

  override heartbeat(): boolean {
    // Its response was never sent.
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
    // What has gathered comes before the position that includes it.
    this.#batcher?.flush();
    if (!this.#full) this.writeText(this.format.keepAlive(this.cursor()));
  }

  protected writeText(text: string): boolean {
    return this.write(this.#coded(text));
  }

  #coded(text: string): Uint8Array {
    return this.coding.block(encoder.encode(text));
  }

  #gone(): void {
    this.#controller = undefined;
    this.service.hub.remove(this, endedByClient());
  }
}
