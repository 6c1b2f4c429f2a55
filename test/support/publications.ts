// Builds publications for unit tests.
import { type Data, sizeOfData } from "../../src/protocol/data.ts";
import type { Publication } from "../../src/protocol/publication.ts";

/** A publication with this sequence number and defaults for all other fields. */
export function publication(seq: number, fields: Partial<Publication> = {}): Publication {
  const data: Data = fields.data ?? { kind: "text", text: `data ${seq}` };
  return {
    room: "r",
    event: "message",
    prev: 0,
    time: 1_000,
    size: sizeOfData(data),
    ...fields,
    data,
    seq,
  };
}

/** The sequence numbers of publications. */
export function seqs(publications: readonly Publication[]): number[] {
  return publications.map(({ seq }) => seq);
}
