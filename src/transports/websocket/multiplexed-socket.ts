// The multiplexed socket: many rooms on one connection, with commands and replies as JSON.
import type { RequestContext } from "../../auth/principal.ts";
import type { AuthorizedStarts } from "../../service/authorize-joins.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { AuthError } from "../../auth/auth-error.ts";
import { renewToken } from "../../service/renew-token.ts";
import { type JoinResult, startAll } from "../../hub/join.ts";
import { CLOSE, ThumpError } from "../../protocol/codes.ts";
import { BadFrame, type Command, type CommandId, decodeCommand } from "../../protocol/commands.ts";
import { json } from "../../protocol/formats.ts";
import { historyAnswer, membersAnswer } from "../room-answers.ts";
import { answerFrame, errorFrame, joinedFrame, startOf, welcomeFrame } from "../multiplexed-frames.ts";
import { OutOfOrderError, PublishOrder } from "./publish-order.ts";
import { SocketSession } from "./socket-session.ts";

/** Number of invalid tokens that a session may send before it is closed. */
const MAX_FAILED_AUTHS = 8;
/** Maximum number of consecutive errors with details. Collecting details takes longer than rejecting the frame. */
const MAX_DETAILED_ERRORS = 10;

type OnJoined = (joined: JoinResult) => void;

export class MultiplexedSocket extends SocketSession {
  #failedAuths = 0;
  /** Publications rejected since the last accepted one. */
  #rejectedPublications = 0;
  /** Created by the first publication with `ordered`. */
  #order: PublishOrder | undefined;

  constructor(
    service: RoomService,
    context: RequestContext,
    readonly authorized: AuthorizedStarts,
  ) {
    super(service, context, "websocket", json);
  }

  protected override begin(): void {
    this.reply(welcomeFrame(this.service, this.context, this.id));
    const { authorized } = this;
    if (authorized.starts.size > 0)
      this.#settleJoin(undefined, (onJoined) => this.service.join(this.context, this, authorized, onJoined));
  }

  protected override receive(frame: string | Buffer): void {
    const command = this.#decode(frame);
    try {
      this.#run(command);
    } catch (error) {
      this.#rejectCommand(command, error);
    }
  }

  removedFrom(room: string, { message }: AuthError): void {
    this.#sendFrame({ type: "left", room, code: "forbidden", message });
  }

  protected override sendError(error: ThumpError): void {
    this.#sendError(error, error instanceof BadFrame ? error.id : undefined);
  }

  /** Decodes a frame. An invalid frame is charged to the `requests` rate limit. */
  #decode(frame: string | Buffer): Command {
    try {
      if (typeof frame === "string") return decodeCommand(frame);
      throw new ThumpError(
        "malformed",
        'Commands are text frames. Send bytes as base64 with "encoding":"base64".',
      );
    } catch (error) {
      this.service.takeRate(this.context, "requests");
      throw error;
    }
  }

  #run(command: Command): void {
    const { id } = command;
    switch (command.type) {
      case "join": {
        const start = startOf(command);
        this.service.takeRate(this.context, "joins");
        const starts = startAll([command.room], start);
        const join = (onJoined: OnJoined) =>
          this.service.authorizeAndJoin(this.context, this, starts, onJoined);
        return this.#inTickShare(command, () => this.#settleJoin(id, join));
      }
      case "leave":
        this.service.takeRate(this.context, "requests");
        this.countAnswer();
        this.service.hub.leave(this, command.room);
        return this.#sendFrame({ type: "left", id, room: command.room });
      case "publish":
        return this.#publish(command);
      case "history":
        return this.#history(command);
      case "members": {
        this.service.takeRate(this.context, "joins");
        const answer = () => membersAnswer(this.service, command.room);
        const ask = () => this.service.whenAllowed(this.context, "members", command.room, answer);
        return this.#inTickShare(command, () => this.#answer(command, "members", ask()));
      }
      case "auth":
        return this.#auth(command);
      case "ping":
        this.service.takeRate(this.context, "requests");
        this.countAnswer();
        // Bun sends buffered publications before this frame, so everything up to `at` arrives first.
        return this.#sendFrame({ type: "pong", id, at: this.service.hub.sentUpTo(this) });
    }
  }

  #settleJoin(id: CommandId, join: (onJoined: OnJoined) => void | Promise<void>): void {
    const joining = join((joined) => {
      this.reply(joinedFrame(joined, id));
      if (joined.gap) this.gap(joined.gap);
    });
    joining?.catch((error: unknown) => this.#sendError(this.service.recordError(error), id));
  }

  #publish(command: Extract<Command, { type: "publish" }>): void {
    const { id, room, event, content, key, echo } = command;
    const orderedBy = this.#checkOrder(command);
    this.publishIncoming(
      { room, event, content, key, echo, briefErrors: this.#rejectedPublications >= MAX_DETAILED_ERRORS },
      ({ seq }) => {
        this.#rejectedPublications = 0;
        if (orderedBy !== undefined) this.#order?.settled(orderedBy);
        // Without an id, the client could not match the acknowledgement to its command.
        if (id !== undefined) this.#sendFrame({ type: "published", id, at: this.service.hub.cursorAt(seq) });
      },
      (error) => this.#rejectCommand(command, error),
    );
  }

  /**
   * Returns the key of an ordered publication, which identifies its retries; undefined for other publications.
   * @throws ThumpError `invalid`; `rate` if the publication must wait for an earlier one
   */
  #checkOrder({ ordered, key }: Extract<Command, { type: "publish" }>): string | undefined {
    if (!ordered) return undefined;
    if (key === undefined) {
      const errors = [{ path: "/key", message: "is required with ordered" }];
      throw new ThumpError(
        "invalid",
        "An ordered publication requires a key, which identifies its retries.",
        errors,
      );
    }
    this.#order ??= new PublishOrder();
    const wait = this.#order.waitFor(key, performance.now());
    if (wait === undefined) return key;
    this.service.takeRate(this.context, "requests");
    throw new OutOfOrderError(wait);
  }

  #history(command: Extract<Command, { type: "history" }>): void {
    const { room } = command;
    const start = startOf(command);
    this.service.takeRate(this.context, "joins");
    const answer = () => historyAnswer(this.service, this.context, room, start);
    const ask = () => this.service.whenAllowed(this.context, "history", room, answer);
    this.#inTickShare(command, () => this.#answer(command, "history", ask()));
  }

  /**
   * Runs a join or a read within the tick's share, because one packet can hold hundreds of them. Later frames wait for
   * the command.
   */
  #inTickShare(command: Command, work: () => void): void {
    this.runInShare(() => {
      try {
        work();
      } catch (error) {
        this.#rejectCommand(command, error);
      }
    });
  }

  #answer(command: Command, type: "history" | "members", answer: string | Promise<string>): void {
    const send = (text: string) => this.reply(answerFrame(type, command.id, text));
    if (answer instanceof Promise)
      answer.then(send).catch((error: unknown) => this.#rejectCommand(command, error));
    else send(answer);
  }

  #auth(command: Extract<Command, { type: "auth" }>): void {
    const { id, token } = command;
    // The new grants are checked for every joined room.
    this.service.takeRate(this.context, "requests", 1 + this.memberships.size);
    const left = (room: string, why: AuthError) => this.removedFrom(room, why);
    const answer = Promise.try(() => renewToken(this.service, this.context, this, token, left));
    answer.then(
      ({ user, expires }) => this.#sendFrame({ type: "authorized", id, user, expires }),
      (error: unknown) => {
        this.#rejectCommand(command, error);
        // Each attempt costs a signature verification.
        if (++this.#failedAuths > MAX_FAILED_AUTHS) this.end(CLOSE.unauthorized, "too many invalid tokens");
      },
    );
  }

  #rejectCommand(command: Command, error: unknown): void {
    this.countAnswer();
    const room = "room" in command ? command.room : undefined;
    const known = this.service.recordError(error);
    this.#sendError(known, command.id, room);
    if (error instanceof OutOfOrderError) return;
    this.checkPace(known);
    if (command.type !== "publish") return;
    this.#rejectedPublications++;
    if (command.key === undefined) return;
    if (known.retry === undefined) this.#order?.settled(command.key);
    else if (command.ordered) this.#order?.rejected(command.key, known.retry, performance.now());
  }

  #sendError(error: ThumpError, id: CommandId, room?: string): void {
    this.reply(errorFrame(error, id, room));
  }

  #sendFrame(frame: object): void {
    this.reply(JSON.stringify(frame));
  }
}
