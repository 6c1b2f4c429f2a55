// Creates the log that the `store` option selects. The only module that imports all log implementations.
import type { Log } from "../log/log.ts";
import { MemoryLog } from "../log/memory-log.ts";
import { RedisLog } from "../log/redis/redis-log.ts";
import { SqliteLog } from "../log/sqlite/sqlite-log.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Retention } from "../rooms/rule.ts";
import type { Settings } from "./config/settings.ts";

export interface LogDependencies {
  /** Retention of a room. Rooms with the same rule share one object. */
  retentionOf: (room: string) => Retention;
  /** Text that changes when the set of durable rooms changes. */
  fingerprint: () => string;
  /** Budget for everything stored in memory. */
  memoryBudget: MemoryBudget;
  /** Called when a subscribed room's messages up to a seq have been evicted. */
  onRelease: (room: string, upTo: number) => void;
  /** Called when a room's history has been deleted, possibly by a different process. */
  onForget: (room: string) => void;
  /** Reports a fault or, if called without an error, the end of the fault. */
  onFault: (what: string, error?: unknown) => void;
  /** Reports a problem that does not affect service. */
  onWarning: (text: string) => void;
}

/** @throws StoreError if the data file or its folder cannot be used */
export function createLog({ store }: Settings, dependencies: LogDependencies): Log {
  const { retentionOf, memoryBudget, onRelease } = dependencies;
  if (store.kind === "memory") return new MemoryLog(retentionOf, memoryBudget, onRelease);
  if (store.kind === "redis") return new RedisLog(retentionOf, { ...store, ...dependencies });
  const { dir, durability, size } = store;
  return new SqliteLog({ ...dependencies, dir, durability, ...(size === undefined ? {} : { size }) });
}
