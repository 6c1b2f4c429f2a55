// The newest seq of the rooms that a log has dropped completely, per rule. Pure.
import type { Retention } from "../rooms/rule.ts";

export class DroppedRooms {
  /** The newest seq per rule. A rule is identified by its retention object. */
  readonly #byRule = new Map<Retention, number>();
  /** The newest seq under rules that have been replaced. Any room may have had one of those rules. */
  #underEarlierRules: number;

  /** @param seq any room may have had publications up to this seq */
  constructor(seq: number) {
    this.#underEarlierRules = seq;
  }

  /** Records a dropped room. */
  add(retention: Retention, seq: number): void {
    this.#byRule.set(retention, Math.max(seq, this.#byRule.get(retention) ?? 0));
  }

  /** Records that any room may have had publications up to a seq. */
  addAll(seq: number): void {
    this.#underEarlierRules = seq;
  }

  /** Merges the records of all rules. Called when the rules are replaced. */
  forgetRules(): void {
    this.#underEarlierRules = Math.max(this.#underEarlierRules, ...this.#byRule.values());
    this.#byRule.clear();
  }

  /** Returns the seq after which an unknown room under a rule is complete, even if the room has been dropped before. */
  floorOf(retention: Retention): number {
    return Math.max(this.#underEarlierRules, this.#byRule.get(retention) ?? 0);
  }
}
