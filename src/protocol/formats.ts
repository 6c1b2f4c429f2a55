// Wire formats: the encoding of publications and notices for each kind of connection.
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

/** A wire format. `T` is the type of its frames or chunks. */
export interface Format<T extends string | Uint8Array = string | Uint8Array> {
  readonly name: string;
  message(publication: Publication, epoch: string): T;
  gap(gap: Gap): T;
}

/** A stream format, which can also encode positions and presence. */
export interface StreamFormat extends Format<string> {
  /** The value of the Content-Type header. */
  readonly contentType: string;
  position(cursor: string): string;
  keepAlive(cursor: string): string;
  /** @param text a presence message as JSON */
  presence(text: string): string;
}

/** The raw socket: the data verbatim, as a text or binary frame. */
export const raw: Format = {
  name: "raw",
  message: (p) => verbatim(p.data),
  gap: gapEnvelope,
};

/** The multiplexed socket: one JSON object per frame. */
export const json: Format<string> = {
  name: "json",
  message: envelope,
  gap: gapEnvelope,
};

/** A server-sent event stream for one room: only the data. */
export const eventStream: StreamFormat = {
  name: "event-stream",
  contentType: "text/event-stream; charset=utf-8",
  message: encodeEvent,
  gap: encodeGapEvent,
  position: encodePosition,
  keepAlive: encodeKeepAlive,
  presence: encodePresenceEvent,
};

/** A server-sent event stream for several rooms: envelopes. */
export const envelopeStream: StreamFormat = {
  ...eventStream,
  name: "envelope-stream",
  message: encodeEnvelopeEvent,
};

/** The multiplexed stream: the same frames as on the multiplexed socket, sent as events. */
export const multiplexedStream: StreamFormat = {
  ...eventStream,
  name: "multiplexed-stream",
  // No id, because each room has its own cursor in the envelope.
  message: (p, epoch) => `data: ${envelope(p, epoch)}\n\n`,
  position: positionEvent,
  keepAlive: positionEvent,
};

/** One JSON envelope per line. */
export const ndjson: StreamFormat = {
  name: "ndjson",
  contentType: "application/x-ndjson; charset=utf-8",
  message: (p, epoch) => `${envelope(p, epoch)}\n`,
  gap: (gap) => `${gapEnvelope(gap)}\n`,
  position: (cursor) => `${positionFrame(cursor)}\n`,
  keepAlive: () => "\n",
  presence: (text) => `${escapeLineEnds(text)}\n`,
};

/** Returns a frame that announces that everything up to the cursor has been sent. */
function positionFrame(cursor: string): string {
  return `{"type":"position","at":"${cursor}"}`;
}

function positionEvent(cursor: string): string {
  return encodeOwnEvent("position", positionFrame(cursor));
}

function verbatim(data: Data): string | Uint8Array {
  return data.kind === "binary" ? data.bytes : data.text;
}
