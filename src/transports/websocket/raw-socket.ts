// The raw socket: one room per connection. Client frames are published unchanged; server frames contain only the data.
import type { RequestContext } from "../../auth/principal.ts";
import type { AuthorizedStarts } from "../../service/authorize-joins.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { AuthError } from "../../auth/auth-error.ts";
import type { JoinResult } from "../../hub/join.ts";
import { CLOSE, type ThumpError } from "../../protocol/codes.ts";
import { Content } from "../../protocol/content.ts";
import { raw } from "../../protocol/formats.ts";
import { SocketSession } from "./socket-session.ts";

export class RawSocket extends SocketSession {
  constructor(
    service: RoomService,
    context: RequestContext,
    readonly room: string,
    readonly authorized: AuthorizedStarts,
    readonly echo: boolean,
  ) {
    super(service, context, "raw-websocket", raw);
  }

  protected override begin(): void {
    const joined = ({ gap }: JoinResult) => void (gap && this.gap(gap));
    Promise.try(() => this.service.join(this.context, this, this.authorized, joined)).catch(
      (error: unknown) => this.service.fail(this, error),
    );
  }

  /** Ends the session, because it has no other room. */
  override removedFrom(_room: string, { message }: AuthError): void {
    this.end(CLOSE.removed, message);
  }

  protected override receive(frame: string | Buffer): void {
    const content = typeof frame === "string" ? Content.text(frame) : Content.bytes(frame);
    this.publishIncoming(
      { room: this.room, content, echo: this.echo },
      () => {},
      (error) => this.rejectFrame(error),
    );
  }

  protected override sendError({ code, message, errors, retry }: ThumpError): void {
    this.reply(JSON.stringify({ type: "error", code, message, errors, retry, room: this.room }));
  }
}
