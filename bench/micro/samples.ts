// Sample publications: small JSON, text with line breaks, and bytes.
import type { Data } from "../../src/protocol/data.ts";
import { sizeOfData } from "../../src/protocol/data.ts";
import type { Publication } from "../../src/protocol/publication.ts";

export const EPOCH = "k3x9qa";

export const samples: Record<"json" | "text" | "binary", Data> = {
  json: { kind: "json", text: '{"price":41.27,"symbol":"CLVR","at":1764000000000,"volume":12}' },
  text: { kind: "text", text: "one thump,\nevery rabbit looks up,\nwherever it is in the warren" },
  binary: { kind: "binary", bytes: Uint8Array.from({ length: 64 }, (_, index) => (index * 37) & 255) },
};

export function publication(data: Data, seq = 123_456): Publication {
  const size = sizeOfData(data);
  return { room: "chat:42", event: "price", data, seq, prev: seq - 1, time: 1_764_000_000_000, size };
}
