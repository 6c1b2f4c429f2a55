// How the bytes of a stream are coded (RFC 9110 §8.4): as they are, or as gzip whose every block stands by itself.
import { constants, deflateRawSync } from "node:zlib";

/** A content coding in which a chunk is the same bytes for every stream, whenever each of them began. */
export interface ContentCoding {
  /** As `Content-Encoding` says it; empty where there is none. */
  readonly name: "" | "gzip";
  /** What a stream begins with. */
  readonly head: Uint8Array;
  /** A chunk, so coded that a reader has all of it at once. */
  block(chunk: Uint8Array): Uint8Array;
}

export const identity: ContentCoding = { name: "", head: new Uint8Array(0), block: (chunk) => chunk };

/** Of fewer bytes nothing is saved. */
const MIN_DEFLATE_BYTES = 128;
/** The longest stored block (RFC 1951 §3.2.4). */
const MAX_STORED_BYTES = 65_535;

/**
 * gzip (RFC 1952) whose blocks refer to nothing before them and end at a byte, with a full flush. There is no trailer:
 * its checksum would be another for each stream, and readers of a stream that was cut have none either.
 */
export const gzip: ContentCoding = {
  name: "gzip",
  // Deflate, no flags, no time, an unknown system.
  head: Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]),
  block(chunk) {
    if (chunk.length < MIN_DEFLATE_BYTES) return stored(chunk);
    const deflated = deflateRawSync(chunk, { level: 6, finishFlush: constants.Z_FULL_FLUSH });
    return deflated.length < chunk.length || chunk.length > MAX_STORED_BYTES ? deflated : stored(chunk);
  },
};

/** A chunk of at most `MAX_STORED_BYTES` bytes as a block that is not compressed, and not the last. */
function stored(chunk: Uint8Array): Uint8Array {
  const block = new Uint8Array(chunk.length + 5);
  new DataView(block.buffer).setUint16(1, chunk.length, true);
  new DataView(block.buffer).setUint16(3, ~chunk.length, true);
  block.set(chunk, 5);
  return block;
}

/** The best coding that a client accepts (RFC 9110 §12.5.3). @param accepted its `Accept-Encoding` */
export function negotiateCoding(accepted: string | null): ContentCoding {
  for (const part of (accepted ?? "").toLowerCase().split(",")) {
    const [name, weight = ""] = part.split(";");
    if (name?.trim() === "gzip" && !/^\s*q\s*=\s*0(\.0*)?\s*$/.test(weight)) return gzip;
  }
  return identity;
}
