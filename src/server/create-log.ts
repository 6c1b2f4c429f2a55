// Which log there is: the one place that knows all of them.
import type { Log } from "../log/log.ts";
import { MemoryLog } from "../log/memory-log.ts";
import { RedisLog } from "../log/redis/redis-log.ts";
import { SqliteLog } from "../log/sqlite/sqlite-log.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Retention } from "../rooms/rule.ts";
import type { Settings } from "./config/settings.ts";

export interface LogNeeds {
  /** How much of a room to keep; rooms of one rule get the same object. */
  retentionOf: (room: string) => Retention;
  /** Which rules keep their rooms in the log's own place, as a text that changes when that does. */
  fingerprint: () => string;
  /** What all that is kept in memory may take. */
  memoryBudget: MemoryBudget;
  /** Told when a room that is followed has lost what comes up to a seq, because all was too much. */
  onRelease: (room: string, upTo: number) => void;
  /** Told when what is kept of a room was forgotten, perhaps by another process. */
  onForget: (room: string) => void;
  /** Told of what goes wrong, and without an error when it is over. */
  onFault: (what: string, error?: unknown) => void;
  /** Given what an operator should know, though it works. */
  onWarning: (text: string) => void;
}

/** @throws StoreError when what is kept cannot be used */
export function createLog({ store }: Settings, needs: LogNeeds): Log {
  const { retentionOf, memoryBudget, onRelease } = needs;
  if (store.kind === "memory") return new MemoryLog(retentionOf, memoryBudget, onRelease);
  if (store.kind === "redis") return new RedisLog(retentionOf, { ...store, ...needs });
  const { dir, durability, size } = store;
  return new SqliteLog({ ...needs, dir, durability, ...(size === undefined ? {} : { size }) });
}
