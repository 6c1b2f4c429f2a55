// The writer thread: writes one batch per message and replies with the outcome. Cleans up when idle.
import type { WriteBatch, WriteFault, WriteOutcome } from "./batch.ts";
import { openFile } from "./open-folder.ts";
import type { Durability } from "./database-schema.ts";
import { Writer } from "./writer.ts";

/** A message to the writer thread. */
export type WriterOrder =
  | { do: "open"; path: string; durability: Durability; size: number }
  /** @property again true if the previous batch failed; the writer then frees space first */
  | { do: "write"; batch: WriteBatch; again: boolean }
  | { do: "close" };

/** The pause between cleanup steps, in ms. Batches can be written during the pause. */
const TIDY_BUSY_MS = 5;
/** The interval between checks for cleanup work, in ms. */
const TIDY_IDLE_MS = 1000;

let writer: Writer | undefined;
let timer: Timer | undefined;

function onOrder(order: WriterOrder): void {
  if (order.do === "open") {
    writer = new Writer(openFile(order.path, false), order.durability, order.size);
    tidyIn(TIDY_IDLE_MS);
  } else if (order.do === "write") postMessage(write(order.batch, order.again));
  else {
    clearTimeout(timer);
    writer?.close();
    postMessage("closed");
  }
}

function write(batch: WriteBatch, again: boolean): WriteOutcome {
  const start = performance.now();
  const before = writer?.trimmed ?? 0;
  try {
    if (!writer) throw new Error("the database could not be opened");
    if (again) writer.checkpoint();
    writer.write(batch);
    const ailing = again ? failure(() => writer?.probe()) : undefined;
    return { took: performance.now() - start, trimmed: writer.trimmed - before, ...(ailing && { ailing }) };
  } catch (error) {
    return { took: performance.now() - start, trimmed: 0, error: faultOf(error) };
  }
}

function failure(run: () => void): WriteFault | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return faultOf(error);
  }
}

function faultOf(error: unknown): WriteFault {
  const { code = "", message } = error as { code?: string; message: string };
  return { code, message };
}

function tidyIn(ms: number): void {
  timer = setTimeout(() => {
    let more = false;
    try {
      more = writer?.tidy() ?? false;
    } catch {
      // The disk is full or a page is damaged. The next batch fails too and reports the error.
    }
    tidyIn(more ? TIDY_BUSY_MS : TIDY_IDLE_MS);
  }, ms);
}

addEventListener("message", ({ data }: MessageEvent<WriterOrder>) => onOrder(data));
