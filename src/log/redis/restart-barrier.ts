// Entering the log on a connection: after a restart of Redis, no node continues before all that were there have come.
import { type Cursor, newEpoch } from "../../protocol/cursor.ts";
import type { Link } from "./redis-connection.ts";
import type { Names } from "./key-names.ts";
import { ENTER } from "./node-scripts.ts";

/** A server that is another one than before goes on so far ahead. */
const JUMP = 1_000_000;
/** While others are awaited, how often a node asks whether they have come, in ms. */
const ASK_MS = 50;

/** What the log is at this moment. */
export interface Entered {
  epoch: string;
  seq: number;
  /** What was published up to this seq may have been lost, and nobody can tell. */
  doubt: number;
}

/** What a node knows of those that share the log. */
export interface Nodes {
  /** This one. */
  readonly node: string;
  /** All that were heard of lately. */
  readonly others: Iterable<string>;
  /** How long a node that is not heard of counts as there, in ms. */
  readonly lease: number;
}

export class Entrance {
  /** @param period what is known of a room is remembered for three times this, in ms */
  constructor(
    readonly names: Names,
    readonly period: number,
    readonly nodes: Nodes,
  ) {}

  /** @param seen the newest that this node has given or acknowledged */
  async enter(link: Link, seen: Cursor): Promise<Entered> {
    const { names, nodes } = this;
    for (;;) {
      const fresh = newEpoch();
      const keys = [names.log, names.shared("nodes"), names.shared("awaited"), names.index(fresh)];
      const settle = link.server.keepsAll ? 0 : nodes.lease;
      const known = [fresh, this.period, link.run, seen.epoch || "-", seen.seq, JUMP];
      const args = [...known, nodes.node, settle, ...nodes.others];
      const [epoch, seq, doubt, waits] = (await link.eval(ENTER, keys, args)) as [
        Buffer,
        number,
        number,
        number,
      ];
      if (waits === 0) return { epoch: epoch.toString(), seq, doubt };
      await Bun.sleep(ASK_MS);
    }
  }
}
