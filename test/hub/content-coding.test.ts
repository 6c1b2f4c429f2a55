// Stream content codings: each gzip block can be decoded when it arrives and does not depend on earlier blocks.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { constants, gunzipSync } from "node:zlib";
import { negotiateCoding, gzip, identity } from "../../src/hub/content-coding.ts";
import { randomTest } from "../support/random.ts";

const read = (blocks: Uint8Array[]) =>
  gunzipSync(Buffer.concat([gzip.head, ...blocks]), { finishFlush: constants.Z_SYNC_FLUSH });

randomTest(
  "any sequence of blocks after the header decodes to its chunks, whatever was encoded earlier",
  (random) => {
    const chunks = Array.from({ length: 40 }, () => {
      const size = random.below(random.chance(10) ? 200_000 : 400);
      return random.chance(30) ? randomBytes(size) : Buffer.alloc(size, "data: the same again\n");
    });
    const blocks = chunks.map((chunk) => gzip.block(chunk));
    for (let tries = 0; tries < 10; tries++) {
      const from = random.below(chunks.length);
      const to = from + random.below(chunks.length - from);
      expect(read(blocks.slice(from, to)).equals(Buffer.concat(chunks.slice(from, to)))).toBe(true);
    }
  },
);

test.each([0, 1, 127, 128, 1000, 65_535, 65_536, 200_000])(
  "%p incompressible bytes grow only slightly when encoded",
  (size) => {
    const chunk = randomBytes(size);
    const block = gzip.block(chunk);
    expect(block.length).toBeLessThanOrEqual(size + 11 + size / 1000);
    expect(read([block]).equals(chunk)).toBe(true);
  },
);

test.each([
  [null, identity],
  ["", identity],
  ["gzip", gzip],
  ["gzip, deflate, br, zstd", gzip],
  ["br;q=1, GZIP ; q=0.5", gzip],
  ["gzip;q=0", identity],
  ["gzip; q=0.000, br", identity],
  ["x-not-gzip, *", identity],
])("Accept-Encoding %p", (accepted, coding) => {
  expect(negotiateCoding(accepted)).toBe(coding);
});
