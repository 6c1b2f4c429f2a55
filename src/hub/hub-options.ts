// The options of the hub: the parts it is given, and its limits.
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
  /** The heartbeat interval of each session, in ms. */
  heartbeat: number;
  /** The most rooms that one session may be in. */
  roomsPerSession: number;
  /** The most rooms that may have sessions. */
  roomsInUse: number;
  /** The most open rooms that were opened by one address, or by one user. */
  roomsPerAddress: number;
  /** Limits the histories of open rooms together. Undefined if the log keeps all histories in memory and limits them. */
  memoryBudget?: MemoryBudget | undefined;
}
