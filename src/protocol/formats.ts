// The wire formats: how one publication looks to each kind of client.
import type { Data } from "./data.ts";
import { envelope, gapEnvelope, type Gap } from "./envelope.ts";
import {
  encodeEnvelopeEvent,
  encodeEvent,
  encodeGapEvent,
  encodeKeepAlive,
  encodeOwnEvent,
  encodePosition,
  encodePresenceEvent,
} from "./event-stream.ts";
import { escapeLineEnds } from "./json.ts";
import type { Publication } from "./publication.ts";

/** What a format makes of publications and notices. `T` is what its connections carry. */
export interface Format<T extends string | Uint8Array = string | Uint8Array> {
  readonly name: string;
  message(publication: Publication, epoch: string): T;
  gap(gap: Gap): T;
}

/** A format of streams also has words for "you have everything up to here". */
export interface StreamFormat extends Format<string> {
  readonly contentType: string;
  position(cursor: string): string;
  keepAlive(cursor: string): string;
  /** @param text a presence message as JSON */
  presence(text: string): string;
}

/** The raw socket: the data verbatim, text or binary. */
export const raw: Format = {
  name: "raw",
  message: (p) => verbatim(p.data),
  gap: gapEnvelope,
};

/** The multiplexed socket: one JSON object a frame. */
export const json: Format<string> = {
  name: "json",
  message: envelope,
  gap: gapEnvelope,
};

/** SSE of one room: the data alone. */
export const eventStream: StreamFormat = {
  name: "event-stream",
  contentType: "text/event-stream; charset=utf-8",
  message: encodeEvent,
  gap: encodeGapEvent,
  position: encodePosition,
  keepAlive: encodeKeepAlive,
  presence: encodePresenceEvent,
};

/** SSE of several rooms: envelopes. */
export const envelopeStream: StreamFormat = {
  ...eventStream,
  name: "envelope-stream",
  message: encodeEnvelopeEvent,
};

/** The multiplexed stream: what the multiplexed socket says, as events. */
export const multiplexedStream: StreamFormat = {
  ...eventStream,
  name: "multiplexed-stream",
  // Without an id: each of its rooms has a cursor of its own, which the envelope carries.
  message: (p, epoch) => `data: ${envelope(p, epoch)}\n\n`,
  position: positionEvent,
  keepAlive: positionEvent,
};

/** One JSON envelope a line. */
export const ndjson: StreamFormat = {
  name: "ndjson",
  contentType: "application/x-ndjson; charset=utf-8",
  message: (p, epoch) => `${envelope(p, epoch)}\n`,
  gap: (gap) => `${gapEnvelope(gap)}\n`,
  position: (cursor) => `${positionFrame(cursor)}\n`,
  keepAlive: () => "\n",
  presence: (text) => `${escapeLineEnds(text)}\n`,
};

/** Everything up to the cursor was sent. */
function positionFrame(cursor: string): string {
  return `{"type":"position","at":"${cursor}"}`;
}

function positionEvent(cursor: string): string {
  return encodeOwnEvent("position", positionFrame(cursor));
}

function verbatim(data: Data): string | Uint8Array {
  return data.kind === "binary" ? data.bytes : data.text;
}
