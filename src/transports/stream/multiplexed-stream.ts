// The multiplexed stream: sends the frames of a multiplexed socket as an event stream. The request body lists the
// rooms.
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { RequestContext } from "../../auth/principal.ts";
import { authorizeStart } from "../../service/authorize-joins.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { AuthError } from "../../auth/auth-error.ts";
import type { ContentCoding } from "../../hub/content-coding.ts";
import type { JoinStart } from "../../hub/join.ts";
import { type FieldError, ThumpError } from "../../protocol/codes.ts";
import { fieldErrors } from "../../protocol/field-errors.ts";
import { type CommandId, exactId, Join as JoinCommand } from "../../protocol/commands.ts";
import { encodeOwnEvent } from "../../protocol/event-stream.ts";
import { multiplexedStream } from "../../protocol/formats.ts";
import { parseEnvelope } from "../../protocol/parse-envelope.ts";
import { type BodyItems, parsing } from "../http/read-body.ts";
import { LongWork } from "../../scheduling/long-work.ts";
import { errorFrame, type JoinRequest, joinedFrame, startOf, welcomeFrame } from "../multiplexed-frames.ts";
import { StreamSession } from "./stream-session.ts";

/** An element of the body of `POST /events`: a `join` command without its type. */
const JoinItem = Type.Omit(JoinCommand, ["type"]);
export const Joins = Type.Array(JoinItem);
const checkJoin = Compile(JoinItem);

/** @throws ThumpError `malformed`, `invalid` */
export async function parseJoins({ isArray, texts, work }: BodyItems): Promise<JoinRequest[]> {
  if (!isArray) {
    parsing(() => parseEnvelope(texts[0] ?? ""));
    throw invalidJoins([{ path: "", message: "must be array" }]);
  }
  const joins: JoinRequest[] = [];
  for (const [i, text] of texts.entries()) {
    if (work.isDue) await work.pause();
    const { value } = parsing(() => parseEnvelope(text));
    if (!checkJoin.Check(value)) throw invalidJoins(fieldErrors(checkJoin.Errors(value), `/${i}`));
    joins.push({ ...value, id: exactId(value.id, text) });
  }
  return joins;
}

function invalidJoins(errors: FieldError[]): ThumpError {
  const { path, message } = errors[0] ?? {};
  return new ThumpError("invalid", `The rooms are invalid: ${path || "the body"} ${message}.`, errors);
}

export class MultiplexedStream extends StreamSession {
  constructor(
    service: RoomService,
    context: RequestContext,
    coding: ContentCoding,
    readonly joins: JoinRequest[],
  ) {
    super(service, context, multiplexedStream, coding);
  }

  protected override begin(): void {
    this.#writeFrame("welcome", welcomeFrame(this.service, this.context, this.id));
    this.#join().catch((error: unknown) => this.service.fail(this, error));
  }

  /** Joins the rooms. If a room is refused, the client receives an error frame for it; the other rooms are joined. */
  async #join(): Promise<void> {
    const ids = new Map<string, CommandId>();
    const { authorizer } = this.service;
    const requested = new Map<string, JoinStart>();
    const starts = new Map<string, JoinStart>();
    const refuse = (error: unknown, id: CommandId, room: string) =>
      this.#writeFrame("error", errorFrame(this.service.recordError(error), id, room));
    const check = async (join: JoinRequest) => {
      const { room, id } = join;
      try {
        if (ids.has(room)) throw new ThumpError("already-joined", `"${room}" is listed twice.`);
        ids.set(room, id);
        const start = startOf(join);
        starts.set(room, await authorizeStart(this.service, this.context, room, start));
        requested.set(room, start);
      } catch (error) {
        refuse(error, id, room);
      }
    };
    // Refusing many rooms takes time too.
    const work = new LongWork(0, () => false);
    const checks: Promise<void>[] = [];
    for (const join of this.joins) {
      if (work.isDue) await work.pause();
      if (this.ended) return;
      checks.push(check(join));
    }
    await Promise.all(checks);
    if (this.ended || starts.size === 0) return;
    try {
      await this.service.join(this.context, this, { requested, starts, authorizer }, (joined) => {
        this.#writeFrame("joined", joinedFrame(joined, ids.get(joined.room)));
        if (joined.gap) this.gap(joined.gap);
      });
    } catch (error) {
      if (!this.ended) for (const room of starts.keys()) refuse(error, ids.get(room), room);
    }
  }

  override removedFrom(room: string, { message }: AuthError): void {
    this.#writeFrame("left", JSON.stringify({ type: "left", room, code: "forbidden", message }));
  }

  /** The close code and the reason, which other streams cannot send. */
  protected override finalText(code: number, reason: string): string {
    return encodeOwnEvent("end", JSON.stringify({ type: "end", close: code, reason }));
  }

  #writeFrame(type: string, frame: string): void {
    if (!this.ended) this.writeText(encodeOwnEvent(type, frame));
  }
}
