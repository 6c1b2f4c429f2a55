// The long poll: a session that ends with the first publication in its room, or when it times out.
import type { RequestContext } from "../../auth/principal.ts";
import type { AuthorizedStarts } from "../../service/authorize-joins.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { AuthorizedSession } from "../../service/recheck.ts";
import { AuthError } from "../../auth/auth-error.ts";
import type { StreamBatcher } from "../../hub/stream-batcher.ts";
import { identity } from "../../hub/content-coding.ts";
import type { JoinResult } from "../../hub/join.ts";
import type { Room } from "../../hub/room.ts";
import { type SessionEnd, endedByClient, endedByUs } from "../../hub/session-events.ts";
import { Session, type StreamSink } from "../../hub/session.ts";
import { CLOSE, ThumpError } from "../../protocol/codes.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { StreamFormat } from "../../protocol/formats.ts";

const ANSWERED: SessionEnd = { reason: "answered" };

/** A format without content. A publication only wakes the request, which then reads the history. */
const wakeFormat: StreamFormat = {
  name: "poll",
  contentType: "",
  message: () => ".",
  gap: () => ".",
  position: () => "",
  keepAlive: () => "",
  presence: () => "",
};

class PollSession extends Session implements StreamSink, AuthorizedSession {
  override readonly format = wakeFormat;
  readonly coding = identity;
  override readonly address: string | undefined;
  #batcher: StreamBatcher | undefined;

  constructor(
    readonly service: RoomService,
    readonly context: RequestContext,
    readonly onWake: (ending: SessionEnd, error?: ThumpError) => void,
  ) {
    super("poll", wakeFormat, context.principal);
    this.address = context.address;
    this.addressKey = context.addressKey;
    context.session = this;
  }

  /** False, because a polling client would appear to leave between two polls. */
  override get countsAsPresent(): boolean {
    return false;
  }

  write(): boolean {
    this.onWake(ANSWERED);
    return true;
  }

  override send(publications: Publication[]): boolean {
    this.sent += publications.length;
    if (publications.length > 0) this.onWake(ANSWERED);
    return true;
  }

  override gap(): void {
    this.onWake(ANSWERED);
  }

  override sendPresence(): void {
    // Polls cannot subscribe to presence.
  }

  override end(code: number, reason: string): void {
    const error =
      code === CLOSE.unauthorized ? "unauthorized" : code === CLOSE.removed ? "forbidden" : undefined;
    this.onWake(endedByUs(code), error && new ThumpError(error, `The session was ended: ${reason}.`));
  }

  removedFrom(_room: string, why: AuthError): void {
    this.onWake(endedByUs(CLOSE.removed), why);
  }

  override backedUp(): boolean {
    return false;
  }

  override hasUnsent(): boolean {
    return false;
  }

  override attach(rooms: Room[]): void {
    this.#batcher = this.service.hub.attachStream(this, rooms);
  }

  override detach(): void {
    if (this.#batcher) this.service.hub.detachStream(this, this.#batcher);
    this.#batcher = undefined;
  }

  override heartbeat(): boolean {
    return true;
  }
}

/**
 * Waits until the first of these occurs: the room has a publication after the start position, messages are missing,
 * `ms` milliseconds have passed, the client disconnects, or the server drains. The caller then reads the history.
 * Rejects if the client is no longer authorized or a session limit is reached.
 */
export function waitForPublication(
  service: RoomService,
  context: RequestContext,
  authorized: AuthorizedStarts,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const finish = (ending: SessionEnd, error?: unknown) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      service.hub.remove(session, ending);
      if (error === undefined) resolve();
      else reject(error as Error);
    };
    const abort = () => finish(endedByClient());
    const session = new PollSession(service, context, finish);
    const timer = setTimeout(() => finish(ANSWERED), ms);
    signal.addEventListener("abort", abort);
    try {
      service.admit(session);
    } catch (error) {
      return finish(ANSWERED, error);
    }
    const joined = ({ gap }: JoinResult) => void (gap && finish(ANSWERED));
    Promise.try(() => service.join(context, session, authorized, joined)).catch((error: unknown) =>
      finish(endedByUs(error instanceof AuthError ? CLOSE.removed : CLOSE.internal), error),
    );
  });
}
