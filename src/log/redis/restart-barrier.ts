// Enters the log on a new connection. After a restart of Redis, no node continues until all nodes have entered.
import { type Cursor, newEpoch } from "../../protocol/cursor.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { KeyNames } from "./key-names.ts";
import { ENTER } from "./node-scripts.ts";

/** The seq increases by this number when the Redis server has changed or restarted. */
const SEQ_JUMP = 1_000_000;
/** The interval between attempts while waiting for other nodes, in ms. */
const POLL_INTERVAL_MS = 50;

/** The state of the log on entry. */
export interface LogEntry {
  epoch: string;
  seq: number;
  /** Messages up to this seq may have been lost. */
  doubt: number;
}

/** The known nodes that share the log. */
export interface ClusterNodes {
  /** The name of this node. */
  readonly node: string;
  /** The names of all nodes with a recent lease. */
  readonly others: Iterable<string>;
  /** The time without renewal after which a node counts as gone, in ms. */
  readonly lease: number;
}

export class RestartBarrier {
  /** @param period in ms; a room's position is remembered for three periods */
  constructor(
    readonly names: KeyNames,
    readonly period: number,
    readonly nodes: ClusterNodes,
  ) {}

  /**
   * Enters the log. Resolves when this node may continue.
   * @param seen the newest position that this node has delivered or acknowledged
   */
  async enter(connection: RedisConnection, seen: Cursor): Promise<LogEntry> {
    const { names, nodes } = this;
    for (;;) {
      const fresh = newEpoch();
      const keys = [names.log, names.shared("nodes"), names.shared("awaited"), names.index(fresh)];
      const settle = connection.server.keepsAll ? 0 : nodes.lease;
      const known = [fresh, this.period, connection.run, seen.epoch || "-", seen.seq, SEQ_JUMP];
      const args = [...known, nodes.node, settle, ...nodes.others];
      const [epoch, seq, doubt, waits] = (await connection.eval(ENTER, keys, args)) as [
        Buffer,
        number,
        number,
        number,
      ];
      if (waits === 0) return { epoch: epoch.toString(), seq, doubt };
      await Bun.sleep(POLL_INTERVAL_MS);
    }
  }
}
