// RoomStream: a stream of rooms that share a start position, as Server-Sent Events for `EventSource`, or as NDJSON.
import type { RequestContext } from "../../auth/principal.ts";
import type { AuthorizedStarts } from "../../service/authorize-joins.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { ContentCoding } from "../../hub/content-coding.ts";
import type { JoinResult } from "../../hub/join.ts";
import { CLOSE, ThumpError } from "../../protocol/codes.ts";
import { encodeRetry } from "../../protocol/event-stream.ts";
import { ndjson, type StreamFormat } from "../../protocol/formats.ts";
import { errorEvents, spreadRetry } from "../http/error-response.ts";
import { StreamSession } from "./stream-session.ts";

export class RoomStream extends StreamSession {
  /** The reconnect delay that the client receives, in ms. */
  readonly #retry = spreadRetry();
  /** Why the join failed. */
  #refusal: ThumpError | undefined;

  constructor(
    service: RoomService,
    context: RequestContext,
    format: StreamFormat,
    coding: ContentCoding,
    readonly authorized: AuthorizedStarts,
  ) {
    super(service, context, format, coding);
  }

  protected override begin(): void {
    if (this.format !== ndjson) this.writeText(encodeRetry(this.#retry));
    const joined: JoinResult[] = [];
    const onJoined = (each: JoinResult) => {
      joined.push(each);
      if (joined.length === this.authorized.starts.size) this.#joined(joined);
    };
    Promise.try(() => this.service.join(this.context, this, this.authorized, onJoined)).catch(
      (error: unknown) => {
        if (error instanceof ThumpError) this.#refusal = error;
        this.service.fail(this, error);
      },
    );
  }

  /** Sends gap notices and the stream's position. */
  #joined(joined: JoinResult[]): void {
    for (const { gap } of joined) if (gap) this.gap(gap);
    this.writeText(this.format.position(this.cursor()));
  }

  /** The reconnect delay, and the problem document if the join failed temporarily. A stream has no close frame. */
  protected override finalText(code: number, reason: string): string {
    if (this.format === ndjson) return "";
    if (code === CLOSE.goingAway) return encodeRetry(Number(reason) || this.#retry);
    return code === CLOSE.unavailable && this.#refusal ? errorEvents(this.#refusal) : "";
  }
}
