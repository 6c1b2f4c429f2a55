// The door: everything that anybody wants of a room passes here, and is refused by name or let through.
import { ThumpError } from "../protocol/codes.ts";
import { type Data, dataFromText, dataFromValue, type Encoding, sizeOfData } from "../protocol/data.ts";
import { checkEventName, checkKey, checkRoomName } from "../protocol/names.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import type { Hub, Joined, Start } from "../hub/hub.ts";
import type { Session } from "../hub/session.ts";

/** Who asks: a session, a request without one, or code in this process. */
export interface Asker {
  session?: Session;
  user?: string | undefined;
  /** Code in this process may do everything. */
  server?: boolean;
}

/** A publication as it comes in: text or bytes from a frame or body, or a value from an envelope or code. */
export interface Incoming {
  room: string;
  event?: string | undefined;
  content:
    | { text: string }
    | { json: string; value: unknown }
    | { bytes: Uint8Array }
    | { value: unknown; encoding?: Encoding | undefined };
  key?: string | undefined;
  from?: string | undefined;
  /** Whether its own publisher gets it too. */
  echo?: boolean | undefined;
  /** The trace that the publisher is in (W3C Trace Context), when it says so. */
  traceparent?: string | undefined;
}

export class Door {
  /** @param maxMessage the largest data of one publication, in bytes */
  constructor(
    readonly hub: Hub,
    public maxMessage: number,
  ) {}

  /**
   * Publishes, if the asker may and the data fits.
   * @throws ThumpError `invalid-room`, `invalid-event`, `invalid`, `forbidden`, `too-large`
   */
  publish(asker: Asker, incoming: Incoming): Publication | Promise<Publication> {
    const room = checkRoomName(incoming.room);
    const event = incoming.event === undefined ? "message" : checkEventName(incoming.event);
    const key = incoming.key === undefined ? undefined : checkKey(incoming.key);
    const rule = this.hub.ruleOf(room);
    const { session } = asker;
    if (!asker.server && rule.publish !== "anyone") {
      const member = rule.publish === "members" && session?.memberships.has(room);
      if (!member) throw new ThumpError("forbidden", `Only ${rule.publish} may publish to "${room}".`);
    }
    const { data, value } = readContent(incoming.content);
    this.#checkSize(data);
    const errors = rule.check?.(value);
    if (errors) {
      const [first] = errors;
      throw new ThumpError(
        "invalid",
        `The data does not fit the schema of "${room}": ${first?.path} ${first?.message}.`,
        errors,
      );
    }
    const from = asker.server ? incoming.from : asker.user;
    const except = incoming.echo ? undefined : session?.id;
    return this.hub.publish({ room, event, data, key, from, except }, incoming.traceparent);
  }

  /** Puts a session into rooms, if it may. @throws ThumpError also those of `Hub.join` */
  join(
    session: Session,
    rooms: string[],
    start: Start,
    onJoined: (joined: Joined) => void,
  ): void | Promise<void> {
    for (const room of rooms) this.checkJoin(room);
    return this.hub.join(session, rooms, start, onJoined);
  }

  /** Whether clients may listen to a room and read its history. @throws ThumpError `invalid-room`, `forbidden` */
  checkJoin(room: string): void {
    checkRoomName(room);
    if (this.hub.ruleOf(room).join === "server")
      throw new ThumpError("forbidden", `"${room}" is not open to clients.`);
  }

  /** A room's publications after a cursor's position, or its newest. */
  history(room: string, start: { after?: number | undefined; last: number }): Slice | Promise<Slice> {
    this.checkJoin(room);
    if (start.after === undefined) return this.hub.log.newest(room, start.last);
    return this.hub.read(room, start.after, start.last);
  }

  /** Forgets what is kept of a room, if it is open to everyone. */
  forget(room: string): void | Promise<void> {
    checkRoomName(room);
    const { publish, join } = this.hub.ruleOf(room);
    if (publish !== "anyone" || join !== "anyone") {
      throw new ThumpError("forbidden", `The history of "${room}" is not for everyone to forget.`);
    }
    return this.hub.forget(room);
  }

  #checkSize(data: Data): void {
    const size = sizeOfData(data);
    if (size > this.maxMessage) {
      throw new ThumpError(
        "too-large",
        `The data has ${size} bytes; a publication may have ${this.maxMessage}.`,
      );
    }
  }
}

function readContent(content: Incoming["content"]): { data: Data; value: unknown } {
  if ("text" in content) return dataFromText(content.text);
  if ("json" in content) return { data: { kind: "json", text: content.json }, value: content.value };
  if ("bytes" in content) return { data: { kind: "binary", bytes: content.bytes }, value: content.bytes };
  return dataFromValue(content.value, content.encoding);
}
