// The hub's options: limits, and the parts that the caller supplies.
import type { Log } from "../log/log.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Rules } from "../rooms/rules.ts";
import type { SocketLimits } from "./backpressure.ts";
import type { SessionEvents } from "./session-events.ts";

export interface HubOptions {
  log: Log;
  rules: Rules;
  socketLimits: SocketLimits;
  events: SessionEvents;
  /** The interval between a session's heartbeats, in ms. */
  heartbeat: number;
  /** The maximum number of rooms per session. */
  roomsPerSession: number;
  /** The maximum number of open rooms. */
  roomsInUse: number;
  /** The maximum number of open rooms that one address or one user may have opened. */
  roomsPerAddress: number;
  /**
   * The shared limit for the histories of all open rooms. Undefined if the log keeps all histories in memory and limits
   * them itself.
   */
  memoryBudget?: MemoryBudget | undefined;
}
