// Counts sessions without a user, per source. Pure.

export class GuestCounts {
  readonly #here = new Map<string, number>();
  readonly #elsewhere = new Map<string, number>();
  #total = 0;

  /** The number of guests on all nodes. */
  get total(): number {
    return this.#total;
  }

  /** The number of guests in this process. */
  get here(): number {
    return sum(this.#here.values());
  }

  get hasLocal(): boolean {
    return this.#here.size > 0;
  }

  /**
   * Replaces the count of a source, which is a session in this process or another node.
   * @returns the change in the total
   */
  set(where: "here" | "elsewhere", source: string, sessions: number): number {
    const counts = where === "here" ? this.#here : this.#elsewhere;
    const change = sessions - (counts.get(source) ?? 0);
    if (sessions > 0) counts.set(source, sessions);
    else counts.delete(source);
    this.#total += change;
    return change;
  }
}

export function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
