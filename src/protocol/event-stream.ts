// The event-stream codec (WHATWG HTML §9.2): pure text in, text out.
import { formatCursor } from "./cursor.ts";
import type { Data } from "./data.ts";
import { escapeLineEnds } from "./json.ts";
import { envelope, gapEnvelope, type Gap } from "./envelope.ts";
import type { Publication } from "./publication.ts";

/** One field a line; CR, LF and CRLF all end a line, so data is split at each of them. */
function dataLines(text: string): string {
  if (!/[\r\n]/.test(text)) return `data: ${text}\n`;
  return `data: ${text.split(/\r\n|\r|\n/).join("\ndata: ")}\n`;
}

function dataText(data: Data): string {
  if (data.kind === "json") return escapeLineEnds(data.text);
  if (data.kind === "text") return data.text;
  return `{"encoding":"base64","data":"${data.bytes.toBase64()}"}`;
}

/** One publication as an event of a single room: its data alone. */
export function encodeEvent(p: Publication, epoch: string): string {
  const event = p.event === "message" ? "" : `event: ${p.event}\n`;
  return `${event}id: ${formatCursor(epoch, p.seq)}\n${dataLines(dataText(p.data))}\n`;
}

/** One publication as an event of a stream of several rooms: its envelope, which names room and event. */
export function encodeEnvelopeEvent(p: Publication, epoch: string): string {
  return `id: ${formatCursor(epoch, p.seq)}\ndata: ${envelope(p, epoch)}\n\n`;
}

/** A gap notice. It carries no id: the client's last one stays true. */
export function encodeGapEvent(gap: Gap): string {
  return encodeOwnEvent("gap", gapEnvelope(gap));
}

/** A presence message, as JSON. It carries no id either: it has no position. */
export function encodePresenceEvent(text: string): string {
  return encodeOwnEvent("presence", text);
}

/** An event of the server's own. @param text JSON */
export function encodeOwnEvent(type: string, text: string): string {
  return `event: thump:${type}\ndata: ${escapeLineEnds(text)}\n\n`;
}

/**
 * A block without data: no event is fired, but the client's last event id becomes `cursor`,
 * so that one who leaves before the first message still resumes from the right place.
 */
export function encodePosition(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** How long a client waits before it reconnects, in ms. */
export function encodeRetry(ms: number): string {
  return `retry: ${ms}\n\n`;
}

/** A keep-alive: a comment, and the newest position with it. */
export function encodeKeepAlive(cursor: string): string {
  return `:\nid: ${cursor}\n\n`;
}
