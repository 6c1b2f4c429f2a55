// The thread that writes: a batch a message, its outcome as the answer, and tidying while there is nothing to write.
import type { WriteBatch, WriteFault, WriteOutcome } from "./batch.ts";
import { openFile } from "./open-folder.ts";
import type { Durability } from "./database-schema.ts";
import { Writer } from "./writer.ts";

/** What the thread is told. */
export type WriterOrder =
  | { do: "open"; path: string; durability: Durability; size: number }
  /** @property again the last one failed: first make what room there is */
  | { do: "write"; batch: WriteBatch; again: boolean }
  | { do: "close" };

/** Between two steps of tidying, in ms: whatever is to be written goes first. */
const TIDY_BUSY_MS = 5;
/** How often it looks whether there is anything to tidy, in ms. */
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
    if (!writer) throw new Error("it could not be opened");
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
      // A full disk or a damaged page: the next batch meets it too, and tells.
    }
    tidyIn(more ? TIDY_BUSY_MS : TIDY_IDLE_MS);
  }, ms);
}

addEventListener("message", ({ data }: MessageEvent<WriterOrder>) => onOrder(data));
