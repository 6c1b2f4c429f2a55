// The event-stream codec (WHATWG HTML §9.2). Pure: text in, text out.
import { formatCursor } from "./cursor.ts";
import type { Data } from "./data.ts";
import { escapeLineEnds } from "./json.ts";
import { envelope, gapEnvelope, type Gap } from "./envelope.ts";
import type { Publication } from "./publication.ts";

/** Encodes data as fields, one per line. CR, LF and CRLF each end a line, so data is split there. */
function dataLines(text: string): string {
  if (!/[\r\n]/.test(text)) return `data: ${text}\n`;
  return `data: ${text.split(/\r\n|\r|\n/).join("\ndata: ")}\n`;
}

/** Returns the data of an event as text. */
export function dataText(data: Data): string {
  if (data.kind === "json") return escapeLineEnds(data.text);
  if (data.kind === "text") return data.text;
  return `{"encoding":"base64","data":"${data.bytes.toBase64()}"}`;
}

/** Encodes a publication as an event for a single-room stream: only its data. */
export function encodeEvent(p: Publication, epoch: string): string {
  const event = p.event === "message" ? "" : `event: ${p.event}\n`;
  return `${event}id: ${formatCursor(epoch, p.seq)}\n${dataLines(dataText(p.data))}\n`;
}

/** Encodes a publication as an event for a multi-room stream: its envelope, which names the room and the event. */
export function encodeEnvelopeEvent(p: Publication, epoch: string): string {
  return `id: ${formatCursor(epoch, p.seq)}\ndata: ${envelope(p, epoch)}\n\n`;
}

/** Encodes a gap notice. A gap notice has no id, because the client's last event id remains valid. */
export function encodeGapEvent(gap: Gap): string {
  return encodeOwnEvent("gap", gapEnvelope(gap));
}

/**
 * Encodes a presence message. A presence message has no id, because it has no position in the log.
 * @param text JSON
 */
export function encodePresenceEvent(text: string): string {
  return encodeOwnEvent("presence", text);
}

/**
 * Encodes an event from the server itself.
 * @param text JSON
 */
export function encodeOwnEvent(type: string, text: string): string {
  return `event: thump:${type}\ndata: ${escapeLineEnds(text)}\n\n`;
}

/**
 * Encodes a block without data: the client fires no event, but sets its last event id to `cursor`. A client that
 * disconnects before the first message therefore resumes from the right position.
 */
export function encodePosition(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** Encodes a client's reconnect delay, in ms. */
export function encodeRetry(ms: number): string {
  return `retry: ${ms}\n\n`;
}

/** Encodes a keep-alive comment together with the newest position. */
export function encodeKeepAlive(cursor: string): string {
  return `:\nid: ${cursor}\n\n`;
}

/** The fields of an event. */
export interface EventFields {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly retry?: number | undefined;
  /** If undefined, the client fires no event and only stores the id and the retry time. */
  readonly data?: string | undefined;
}

/** Encodes any event from its fields. The caller must make sure that the id and the name contain no line breaks. */
export function encodeFields({ id, event, retry, data }: EventFields): string {
  let text = "";
  if (event !== undefined && event !== "" && event !== "message") text += `event: ${event}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (retry !== undefined) text += `retry: ${retry}\n`;
  if (data !== undefined) text += dataLines(data);
  return text === "" ? "" : `${text}\n`;
}
