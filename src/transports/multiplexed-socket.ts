// The multiplexed socket: many rooms on one connection, commands and replies as JSON.
import type { Door } from "../access/door.ts";
import type { Joined, Start } from "../hub/hub.ts";
import { ThumpError } from "../protocol/codes.ts";
import { BadFrame, type Command, type CommandId, decodeCommand } from "../protocol/commands.ts";
import { formatCursor, parseCursor } from "../protocol/cursor.ts";
import { json } from "../protocol/formats.ts";
import { historyAnswer, membersAnswer } from "./answers.ts";
import { toThumpError } from "./problem.ts";
import { SocketSession } from "./socket.ts";

export class MultiplexedSocket extends SocketSession {
  constructor(
    door: Door,
    readonly rooms: string[],
    readonly start: Start,
  ) {
    super(door, "websocket", json);
  }

  protected override begin(): void {
    const { hub, maxMessage } = this.door;
    const limits = { message: maxMessage, rooms: hub.roomsPerSession };
    this.#say({ type: "welcome", session: this.id, ping: hub.heartbeat.interval / 1000, limits });
    if (this.rooms.length > 0) this.#join(this.rooms, this.start, undefined);
  }

  protected override receive(frame: string | Buffer): void {
    if (typeof frame !== "string") {
      throw new ThumpError(
        "malformed",
        'Commands are text frames. Send bytes as base64 with "encoding":"base64".',
      );
    }
    const command = decodeCommand(frame);
    try {
      this.#run(command);
    } catch (error) {
      this.#refuseCommand(command, error);
    }
  }

  protected override tell(error: ThumpError): void {
    this.#tell(error, error instanceof BadFrame ? error.id : undefined);
  }

  #run(command: Command): void {
    const { id } = command;
    switch (command.type) {
      case "join": {
        const { room, after, last, max } = command;
        const start = { after: after === undefined ? undefined : parseCursor(after), last, max };
        return this.#join([room], start, id);
      }
      case "leave":
        this.door.hub.leave(this, command.room);
        return this.#say({ type: "left", id, room: command.room });
      case "publish":
        return this.#publish(command);
      case "history":
        return this.#history(command);
      case "members": {
        this.door.checkJoin(command.room);
        return this.#say({ type: "members", id, ...membersAnswer(this.door.hub, command.room) });
      }
      case "auth":
        throw new ThumpError("no-secret", "This server has no secret: everybody who reaches it may use it.");
      case "ping":
        return this.#say({ type: "pong", id });
    }
  }

  #join(rooms: string[], start: Start, id: CommandId): void {
    const joining = this.door.join(this, rooms, start, (joined) => this.#joined(joined, id));
    joining?.catch((error: unknown) => this.#tell(toThumpError(this.door.hub, error), id));
  }

  #joined({ room, at, resumed, replay, gap }: Joined, id: CommandId): void {
    this.#say({ type: "joined", id, room, at, resumed, replay });
    if (gap) this.gap(gap);
  }

  #publish(command: Extract<Command, { type: "publish" }>): void {
    const { id, room, event, data, encoding, key, echo } = command;
    this.publishIncoming(
      { room, event, content: { value: data, encoding }, key, echo },
      ({ seq }) => {
        // Without an id nobody could tell whose ack it is.
        if (id !== undefined)
          this.#say({ type: "published", id, at: formatCursor(this.door.hub.log.epoch, seq) });
      },
      (error) => this.#refuseCommand(command, error),
    );
  }

  #history({ id, room, after, last }: Extract<Command, { type: "history" }>): void {
    const { hub } = this.door;
    const start = { after: after === undefined ? undefined : parseCursor(after), last };
    const answer = historyAnswer(this.door, room, start);
    const say = (fields: string) => this.reply(`{"type":"history",${idField(id)}${fields.slice(1)}`);
    if (answer instanceof Promise) answer.then(say, (error: unknown) => hub.fail(this, error));
    else say(answer);
  }

  #refuseCommand(command: Command, error: unknown): void {
    const room = "room" in command ? command.room : undefined;
    this.#tell(toThumpError(this.door.hub, error), command.id, room);
  }

  #tell({ code, message, errors }: ThumpError, id: CommandId, room?: string): void {
    this.#say({ type: "error", id, code, message, errors, room: room?.slice(0, 255) });
  }

  #say(frame: object): void {
    this.reply(JSON.stringify(frame));
  }
}

function idField(id: CommandId): string {
  return id === undefined ? "" : `"id":${JSON.stringify(id)},`;
}
