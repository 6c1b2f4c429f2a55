// Skips bytes that have already been checked: a server sends the same bytes to many clients, so one check is enough.
import type { Connection } from "./connection.ts";
import type { FoundMessages } from "./scanner.ts";
import type { Tally } from "./tally.ts";

const SLOTS = 4;
const MAX_READ_BYTES = 128 * 1024;

interface Slot {
  bytes: Buffer;
  length: number;
  found: FoundMessages;
}

/**
 * Serves the connections of one dialect. Stores each read that starts and ends at frame boundaries and contains only
 * messages. If another connection reads exactly the same bytes, it has received the same messages.
 */
export class CheckedReads {
  readonly #slots: Slot[] = [];
  #recorded = 0;

  read(connection: Connection, tally: Tally, bytes: Buffer, length: number): void {
    if (!connection.clean || length > MAX_READ_BYTES) {
      connection.read(bytes, length);
      return;
    }
    const same = this.#find(bytes, length);
    if (same) this.#replay(connection, tally, same);
    else this.#record(connection, bytes, length);
  }

  #find(bytes: Buffer, length: number): Slot | undefined {
    for (const slot of this.#slots)
      if (slot.length === length && slot.bytes.compare(bytes, 0, length, 0, length) === 0) return slot;
    return undefined;
  }

  #replay(connection: Connection, tally: Tally, { found }: Slot): void {
    const { streams, seqs, dues } = found;
    const { receiver } = connection.scanner!;
    for (let index = 0; index < streams.length; index++)
      tally.arrived(receiver, streams[index]!, seqs[index]!, dues[index]!);
  }

  #record(connection: Connection, bytes: Buffer, length: number): void {
    const scanner = connection.scanner!;
    const found: FoundMessages = { streams: [], seqs: [], dues: [] };
    const before = connection.controls;
    scanner.found = found;
    connection.read(bytes, length);
    scanner.found = undefined;
    // Data other than messages (a ping, a notice) may require a reply and must not be skipped.
    const onlyMessages = connection.controls === before;
    if (!connection.clean || !onlyMessages || found.streams.length === 0) return;
    const slot = (this.#slots[this.#recorded++ % SLOTS] ??= { bytes: Buffer.alloc(0), length: 0, found });
    if (slot.bytes.length < length) slot.bytes = Buffer.alloc(Math.max(1024, length * 2));
    slot.bytes.set(bytes.subarray(0, length));
    slot.length = length;
    slot.found = found;
  }
}
