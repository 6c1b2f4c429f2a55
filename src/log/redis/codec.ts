// How a publication is written in Redis: in a stream's entry and in a notification alike.
import type { Data } from "../../protocol/data.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";

// <seq> <prev> <time> <size>[ <floor>]\n<JSON: [kind, event, from, except]>\n<data>: the first line is the script's. The
// first of a room has the floor: from where the room is complete.
const LINE_BREAK = 10;

/** Everything of a draft but its room and key: they are known where it is read. */
export function encode({ event, data, from, except }: Draft): Buffer {
  const head = JSON.stringify([data.kind, event, from ?? null, except ?? null]);
  const body = data.kind === "binary" ? data.bytes : data.text;
  return Buffer.concat([Buffer.from(`${head}\n`), Buffer.from(body as string)]);
}

/** A message of a room. @throws Error when it is none of ours */
export function decode(room: string, message: Buffer): Publication {
  const first = message.indexOf(LINE_BREAK);
  const second = message.indexOf(LINE_BREAK, first + 1);
  if (first < 0 || second < 0) throw new Error(`what stands in Redis for "${room}" is no publication`);
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
