// Sessions without a connection, for unit tests of the hub.
import { Room } from "../../src/hub/room.ts";
import { type Membership, Session, type StreamSink, TopicSession } from "../../src/hub/session.ts";
import { identity } from "../../src/hub/content-coding.ts";
import type { Gap } from "../../src/protocol/envelope.ts";
import { eventStream, json } from "../../src/protocol/formats.ts";
import type { Publication } from "../../src/protocol/publication.ts";
import { resolveRule } from "../../src/rooms/rule.ts";
import type { RuleOptions } from "../../src/rooms/rule-options.ts";

/** A socket session that records everything sent to it. */
export class FakeSocket extends TopicSession {
  readonly address = undefined;
  readonly publications: Publication[] = [];
  readonly gaps: Gap[] = [];
  readonly presence: string[] = [];
  readonly topics = new Set<string>();
  readonly attached = new Set<string>();
  /** The close code and reason, once the session has ended. */
  closed: [code: number, reason: string] | undefined;
  /** Simulates a connection with backpressure. */
  full = false;
  /** Return value of `charge`, in ms. */
  wait = 0;

  constructor(addressKey?: string) {
    super("websocket", json);
    this.addressKey = addressKey;
  }

  backedUp(): boolean {
    return this.full;
  }

  hasUnsent(): boolean {
    return this.full;
  }

  attach(rooms: Room[]): void {
    for (const { name } of rooms) this.attached.add(name);
  }

  detach(rooms: Room[]): void {
    for (const { name } of rooms) this.attached.delete(name);
  }

  send(publications: Publication[]): boolean {
    this.publications.push(...publications);
    return !this.full;
  }

  gap(gap: Gap): void {
    this.gaps.push(gap);
  }

  sendPresence(text: string): void {
    this.presence.push(text);
  }

  end(code: number, reason: string): void {
    this.ended = true;
    this.closed = [code, reason];
  }

  override charge(): number {
    return this.wait;
  }

  heartbeat(): boolean {
    return true;
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  publish(): number {
    return 1;
  }
}

/** A stream session that records the chunks written to it. */
export class FakeStream extends Session implements StreamSink {
  readonly address = undefined;
  override readonly format = eventStream;
  readonly coding = identity;
  readonly chunks: string[] = [];
  full = false;

  constructor() {
    super("event-stream", eventStream);
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(new TextDecoder().decode(chunk));
    return !this.full;
  }

  backedUp(): boolean {
    return this.full;
  }

  hasUnsent(): boolean {
    return this.full;
  }

  attach(): void {}

  detach(): void {}

  send(): boolean {
    return !this.full;
  }

  gap(): void {}

  sendPresence(text: string): void {
    this.chunks.push(text);
  }

  end(): void {
    this.ended = true;
  }

  heartbeat(): boolean {
    return true;
  }
}

/** Creates an open room that has no sessions and has these publications in its history. */
export function roomWith(name: string, publications: Publication[] = [], options: RuleOptions = {}): Room {
  const room = new Room(name, resolveRule(name, options));
  for (const publication of publications) room.push(publication);
  return room;
}

/** Adds a session to a room at a position, without attaching it to the live fan-out. */
export function enter(session: Session, room: Room, fields: Partial<Membership> = {}): Membership {
  const membership: Membership = {
    session,
    room,
    position: 0,
    live: false,
    liveSince: 0,
    next: 0,
    ...fields,
  };
  session.memberships.set(room.name, membership);
  room.members.add(membership);
  return membership;
}
