// Entering the log on a connection: after a restart of Redis, no node continues before all that were there have come.
import { type Cursor, newEpoch } from "../../protocol/cursor.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { KeyNames } from "./key-names.ts";
import { ENTER } from "./node-scripts.ts";

/** A server that is another one than before goes on so far ahead. */
const SEQ_JUMP = 1_000_000;
/** While others are awaited, how often a node asks whether they have come, in ms. */
const POLL_INTERVAL_MS = 50;

/** What the log is at this moment. */
export interface LogEntry {
  epoch: string;
  seq: number;
  /** What was published up to this seq may have been lost, and nobody can tell. */
  doubt: number;
}

/** What a node knows of those that share the log. */
export interface ClusterNodes {
  /** This one. */
  readonly node: string;
  /** All that were heard of lately. */
  readonly others: Iterable<string>;
  /** How long a node that is not heard of counts as there, in ms. */
  readonly lease: number;
}

export class RestartBarrier {
  /** @param period what is known of a room is remembered for three times this, in ms */
  constructor(
    readonly names: KeyNames,
    readonly period: number,
    readonly nodes: ClusterNodes,
  ) {}

  /** @param seen the newest that this node has given or acknowledged */
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
