// GzipMember: one gzip stream (RFC 1952). Each chunk can be decompressed on arrival. The end contains the checksum.
import { crc32 } from "node:zlib";
import { gzip } from "../hub/content-coding.ts";

/** An empty last block (RFC 1951 §3.2.4): a fixed-code block that contains only its end marker. */
const LAST_BLOCK = [3, 0];

export class GzipMember {
  #checksum = 0;
  #size = 0;
  #begun = false;

  /** Compresses a chunk. Holds no memory between chunks. */
  block(chunk: Uint8Array): Uint8Array {
    this.#checksum = crc32(chunk, this.#checksum);
    this.#size = (this.#size + chunk.length) % 2 ** 32;
    return this.#withHead(gzip.block(chunk));
  }

  /** Returns the end of the stream: the last block and the checksum. */
  end(): Uint8Array {
    const end = new Uint8Array(LAST_BLOCK.length + 8);
    end.set(LAST_BLOCK);
    const view = new DataView(end.buffer);
    view.setUint32(LAST_BLOCK.length, this.#checksum, true);
    view.setUint32(LAST_BLOCK.length + 4, this.#size, true);
    return this.#withHead(end);
  }

  #withHead(bytes: Uint8Array): Uint8Array {
    if (this.#begun) return bytes;
    this.#begun = true;
    return Buffer.concat([gzip.head, bytes]);
  }
}
