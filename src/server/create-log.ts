// Creates the log that the `store` option selects. The only module that knows all implementations.
import type { Log } from "../log/log.ts";
import { MemoryLog } from "../log/memory-log.ts";
import { RedisLog } from "../log/redis/redis-log.ts";
import { SqliteLog } from "../log/sqlite/sqlite-log.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Retention } from "../rooms/rule.ts";
import type { Settings } from "./config/settings.ts";

export interface LogDependencies {
  /** Retention of a room. Rooms of one rule get the same object. */
  retentionOf: (room: string) => Retention;
  /** Text that changes when the set of durable rooms changes. */
  fingerprint: () => string;
  /** Budget of everything that is stored in memory. */
  memoryBudget: MemoryBudget;
  /** Called when messages of a subscribed room, up to a seq, were evicted. */
  onRelease: (room: string, upTo: number) => void;
  /** Called when the history of a room was deleted, possibly by a different process. */
  onForget: (room: string) => void;
  /** Reports a fault; without an error, reports that the fault has ended. */
  onFault: (what: string, error?: unknown) => void;
  /** Reports a problem that does not affect service. */
  onWarning: (text: string) => void;
}

/** @throws StoreError if the file or its folder cannot be used */
export function createLog({ store }: Settings, dependencies: LogDependencies): Log {
  const { retentionOf, memoryBudget, onRelease } = dependencies;
  if (store.kind === "memory") return new MemoryLog(retentionOf, memoryBudget, onRelease);
  if (store.kind === "redis") return new RedisLog(retentionOf, { ...store, ...dependencies });
  const { dir, durability, size } = store;
  return new SqliteLog({ ...dependencies, dir, durability, ...(size === undefined ? {} : { size }) });
}
