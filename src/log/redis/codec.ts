// Encodes publications for stream entries and notifications in Redis.
import type { Data } from "../../protocol/data.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";

// <seq> <prev> <time> <size>[ <floor>]\n<JSON: [kind, event, from, except]>\n<data>
// The script writes the first line. Only a room's first message includes the floor: the seq from which the room is
// complete.
const LINE_BREAK = 10;

/** Encodes a draft without its room and key: the reader already has the room and does not need the key. */
export function encode({ event, data, from, except }: Draft): Buffer {
  const head = JSON.stringify([data.kind, event, from ?? null, except ?? null]);
  const body = data.kind === "binary" ? data.bytes : data.text;
  return Buffer.concat([Buffer.from(`${head}\n`), Buffer.from(body as string)]);
}

/**
 * Decodes a message from a room.
 * @throws Error if the message is not a publication
 */
export function decode(room: string, message: Buffer): Publication {
  const first = message.indexOf(LINE_BREAK);
  const second = message.indexOf(LINE_BREAK, first + 1);
  if (first < 0 || second < 0) throw new Error(`a message in Redis for "${room}" is not a publication`);
  const [seq, prev, time, size] = message.toString("latin1", 0, first).split(" ").map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const [kind, event, from, except] = JSON.parse(message.toString("utf8", first + 1, second)) as [
    Data["kind"],
    string,
    string | null,
    string | null,
  ];
  const data: Data =
    kind === "binary"
      ? { kind, bytes: new Uint8Array(message.subarray(second + 1)) }
      : { kind, text: message.toString("utf8", second + 1) };
  return {
    room,
    event,
    data,
    from: from ?? undefined,
    except: except ?? undefined,
    seq,
    prev,
    time,
    size,
  };
}
