// Encodes publishes for a dialect. The bytes around a message are constant, so they are encoded only once.
import type { Dialect } from "../dialect.ts";
import { HEAD, TAIL, innerSize, writeInner } from "./message.ts";
import { clientHeaderSize, frameKind, writeHeader } from "./websocket.ts";

/** Replaces `{room}` in a text with the room's name. */
export function inRoom(text: string, room: string): string {
  return text.replaceAll("{room}", room);
}

/** One publish: a message and the bytes that the dialect wraps around it. */
class Item {
  readonly length: number;
  readonly #before: Buffer;
  readonly #after: Buffer;
  readonly #inner: number;

  constructor(template: string, size: number) {
    const escaped = template.includes("{escaped}");
    const [before, after] = template
      .replaceAll("{length}", String(size))
      .split(escaped ? "{escaped}" : "{message}");
    if (before === undefined || after === undefined)
      throw new Error(`"${template}" has no place for the message`);
    const quote = (text: string) => (escaped ? text.replaceAll('"', '\\"') : text);
    this.#before = Buffer.from(before + quote(HEAD));
    this.#after = Buffer.from(quote(TAIL) + after);
    this.#inner = innerSize(size);
    this.length = this.#before.length + this.#inner + this.#after.length;
  }

  write(into: Buffer, at: number, stream: number, seq: number, due: number): number {
    into.set(this.#before, at);
    const mark = at + this.#before.length;
    writeInner(into, mark, this.#inner, stream, seq, due);
    into.set(this.#after, mark + this.#inner);
    return at + this.length;
  }
}

function itemOf(dialect: Dialect, room: string, size: number): Item {
  if (dialect.publish === undefined) throw new Error(`the dialect of ${dialect.path} cannot publish`);
  return new Item(inRoom(dialect.publish, room), size);
}

/** Encodes client frames, one per publish. */
export class FrameEncoder {
  readonly #item: Item;
  readonly #kind: number;

  constructor(dialect: Dialect, room: string, size: number) {
    this.#item = itemOf(dialect, room, size);
    this.#kind = frameKind(dialect.binary === true);
  }

  /** Encodes the frames for `count` consecutive messages that were due at the same time. */
  encode(stream: number, first: number, count: number, due: number): Buffer {
    const { length } = this.#item;
    const bytes = Buffer.allocUnsafe(count * (clientHeaderSize(length) + length));
    let at = 0;
    for (let seq = first; seq < first + count; seq++) {
      at = writeHeader(bytes, at, length, this.#kind);
      at = this.#item.write(bytes, at, stream, seq, due);
    }
    return bytes;
  }
}

/** A publish that is waiting to be sent in a request. */
export interface Waiting {
  seq: number;
  due: number;
}

/** Encodes HTTP requests, each with one publish or a batch. */
export class RequestEncoder {
  /** Maximum number of publishes per request. */
  readonly maxItems: number;
  readonly #item: Item;
  readonly #before: Buffer;
  readonly #between: Buffer;
  readonly #after: Buffer;
  readonly #head: string;

  constructor(dialect: Dialect, room: string, size: number, port: number) {
    this.#item = itemOf(dialect, room, size);
    const { batch } = dialect;
    this.maxItems = batch?.of ?? 1;
    this.#before = Buffer.from(inRoom(batch?.before ?? "", room));
    this.#between = Buffer.from(batch?.between ?? "");
    this.#after = Buffer.from(inRoom(batch?.after ?? "", room));
    const headers = { Host: `127.0.0.1:${port}`, ...dialect.headers };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#head = `${dialect.method ?? "POST"} ${inRoom(dialect.path, room)} HTTP/1.1\r\n${lines.join("")}`;
  }

  encode(stream: number, batch: readonly Waiting[]): Buffer {
    const gaps = (batch.length - 1) * this.#between.length;
    const body = this.#before.length + batch.length * this.#item.length + gaps + this.#after.length;
    const head = `${this.#head}Content-Length: ${body}\r\n\r\n`;
    const bytes = Buffer.allocUnsafe(head.length + body);
    let at = bytes.write(head, 0, "latin1");
    at += this.#before.copy(bytes, at);
    for (const [index, { seq, due }] of batch.entries()) {
      if (index > 0) at += this.#between.copy(bytes, at);
      at = this.#item.write(bytes, at, stream, seq, due);
    }
    this.#after.copy(bytes, at);
    return bytes;
  }
}
