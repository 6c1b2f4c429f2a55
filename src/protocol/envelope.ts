// The JSON envelopes that the multiplexed socket, NDJSON, /events and JSON answers share.
import { formatCursor } from "./cursor.ts";
import { dataAsJson } from "./data.ts";
import type { Publication } from "./publication.ts";

/** The publication's envelope, encoded at most once however many receive it. */
export function envelope(publication: Publication, epoch: string): string {
  return (publication.envelope ??= encode(publication, epoch));
}

// Put together by hand: the data is JSON text already and must not be parsed and written again.
function encode(p: Publication, epoch: string): string {
  const encoding = p.data.kind === "binary" ? ',"encoding":"base64"' : "";
  const from = p.from === undefined ? "" : `,"from":${JSON.stringify(p.from)}`;
  return (
    `{"type":"message","room":${quoted(p.room)},"event":${quoted(p.event)}` +
    `,"data":${dataAsJson(p.data)}${encoding}${from}` +
    `,"at":"${formatCursor(epoch, p.seq)}","prev":${p.prev},"time":${timeAsText(p.time)}}`
  );
}

/** Names as JSON: a replay writes the same few thousand again and again, and a look-up costs a fifth of quoting. */
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

/** Publications that are encoded one after the other are often of the same millisecond. */
function timeAsText(time: number): string {
  if (time !== lastTime) {
    lastTime = time;
    lastTimeText = String(time);
  }
  return lastTimeText;
}

/** What a gap notice says: publications of `room` after `after` are gone, up to and including `at`. */
export interface Gap {
  room: string;
  /** The cursor that was asked for, or held. */
  after: string;
  /** Everything after this cursor will follow. */
  at: string;
}

/** A gap notice as JSON. */
export function gapEnvelope(gap: Gap): string {
  return JSON.stringify({ type: "gap", room: gap.room, after: gap.after, at: gap.at });
}
