// JSON envelopes, shared by the multiplexed protocol, NDJSON, /events and JSON responses.
import { formatCursor } from "./cursor.ts";
import { dataAsJson } from "./data.ts";
import type { Publication } from "./publication.ts";

/** Returns the envelope of a publication. It is encoded at most once for all receivers. */
export function envelope(publication: Publication, epoch: string): string {
  return (publication.envelope ??= encode(publication, epoch));
}

// Concatenated by hand, because the data is already JSON text that need not be parsed and serialized again.
function encode(p: Publication, epoch: string): string {
  const encoding = p.data.kind === "binary" ? ',"encoding":"base64"' : "";
  const from = p.from === undefined ? "" : `,"from":${JSON.stringify(p.from)}`;
  return (
    `{"type":"message","room":${quoted(p.room)},"event":${quoted(p.event)}` +
    `,"data":${dataAsJson(p.data)}${encoding}${from}` +
    `,"at":"${formatCursor(epoch, p.seq)}","prev":${p.prev},"time":${timeAsText(p.time)}}`
  );
}

/**
 * Caches names as JSON. A replay writes the same few thousand names many times, and looking up a name takes a fifth of
 * the time of quoting it.
 */
const names = new Map<string, string>();
const MAX_NAMES = 4096;

function quoted(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const text = JSON.stringify(name);
  if (names.size >= MAX_NAMES) names.clear();
  names.set(name, text);
  return text;
}

let lastTime = 0;
let lastTimeText = "0";

/** Caches the last time, because publications that are encoded in sequence often have the same time. */
function timeAsText(time: number): string {
  if (time !== lastTime) {
    lastTime = time;
    lastTimeText = String(time);
  }
  return lastTimeText;
}

/** A gap notice: the publications in `room` after `after`, up to and including `at`, are lost. */
export interface Gap {
  room: string;
  /** The cursor that the client sent or had reached. */
  after: string;
  /** The client receives everything after this cursor. */
  at: string;
}

/** Returns a gap notice as JSON. */
export function gapEnvelope(gap: Gap): string {
  return JSON.stringify({ type: "gap", room: gap.room, after: gap.after, at: gap.at });
}
