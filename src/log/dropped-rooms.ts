// The newest seq of rooms that a log has dropped completely, by rule. Pure.
import type { Retention } from "../rooms/rule.ts";

export class DroppedRooms {
  /** The rules are identified by their retention. */
  readonly #byRule = new Map<Retention, number>();
  /** The same for rules that were replaced: any room may have been one of theirs. */
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

  /** Called when the rules are replaced. */
  forgetRules(): void {
    this.#underEarlierRules = Math.max(this.#underEarlierRules, ...this.#byRule.values());
    this.#byRule.clear();
  }

  /** Returns the seq after which an unknown room of a rule is complete, because it may be one of the dropped ones. */
  floorOf(retention: Retention): number {
    return Math.max(this.#underEarlierRules, this.#byRule.get(retention) ?? 0);
  }
}
