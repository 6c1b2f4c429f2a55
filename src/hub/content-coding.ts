// Content codings for streams (RFC 9110 §8.4): none, or gzip in blocks that do not refer to earlier data.
import { constants, deflateRawSync } from "node:zlib";

/**
 * A content coding whose coded chunks are independent: the same chunk can be sent to any stream, regardless of the
 * stream's earlier chunks.
 */
export interface ContentCoding {
  /** The value of `Content-Encoding`; empty if there is no coding. */
  readonly name: "" | "gzip";
  /** The first bytes of a stream. */
  readonly head: Uint8Array;
  /** Encodes a chunk so that the reader can decode it completely as soon as it arrives. */
  block(chunk: Uint8Array): Uint8Array;
}

/** No coding. */
export const identity: ContentCoding = { name: "", head: new Uint8Array(0), block: (chunk) => chunk };

/** Smaller chunks are stored uncompressed, because deflate would not shrink them. */
const MIN_DEFLATE_BYTES = 128;
/** The largest stored block (RFC 1951 §3.2.4). */
const MAX_STORED_BYTES = 65_535;

/**
 * gzip (RFC 1952) in independent blocks: a full flush ends each block at a byte boundary. There is no trailer, because
 * its checksum would differ from stream to stream. A stream that is cut off never has a trailer anyway.
 */
export const gzip: ContentCoding = {
  name: "gzip",
  // Deflate, no flags, no modification time, unknown operating system.
  head: Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]),
  block(chunk) {
    if (chunk.length < MIN_DEFLATE_BYTES) return stored(chunk);
    const deflated = deflateRawSync(chunk, { level: 6, finishFlush: constants.Z_FULL_FLUSH });
    return deflated.length < chunk.length || chunk.length > MAX_STORED_BYTES ? deflated : stored(chunk);
  },
};

/** Encodes a chunk of at most `MAX_STORED_BYTES` bytes as a non-final uncompressed block. */
function stored(chunk: Uint8Array): Uint8Array {
  const block = new Uint8Array(chunk.length + 5);
  new DataView(block.buffer).setUint16(1, chunk.length, true);
  new DataView(block.buffer).setUint16(3, ~chunk.length, true);
  block.set(chunk, 5);
  return block;
}

/** Selects the coding for a client (RFC 9110 §12.5.3). @param accepted the value of the `Accept-Encoding` header */
export function negotiateCoding(accepted: string | null): ContentCoding {
  for (const part of (accepted ?? "").toLowerCase().split(",")) {
    const [name, weight = ""] = part.split(";");
    if (name?.trim() === "gzip" && !/^\s*q\s*=\s*0(\.0*)?\s*$/.test(weight)) return gzip;
  }
  return identity;
}
