// Grants: which actions somebody may do in which rooms, by pattern.
import { compilePattern, type Pattern } from "../rooms/pattern.ts";
import { KEY_ACTIONS, type KeyAction } from "./actions.ts";

/** For so many rooms at a time the answer is remembered. */
const MAX_CACHED_ROOMS = 1024;
const BITS = new Map<string, number>(KEY_ACTIONS.map((action, i) => [action, 1 << i]));

export class Grants {
  readonly #entries: { pattern: Pattern; actions: number }[];
  readonly #known = new Map<string, number>();

  /**
   * @param rooms actions by pattern. Patterns add up. An action that is not in `actions` grants nothing: a later
   * version may know it.
   */
  constructor(rooms: Record<string, readonly string[]> = {}, actions: readonly KeyAction[] = KEY_ACTIONS) {
    const possible = bits(actions);
    this.#entries = Object.entries(rooms).map(([pattern, granted]) => ({
      pattern: compilePattern(pattern),
      actions: bits(granted) & possible,
    }));
  }

  /** Whether an action in a room is granted: a map lookup, once the room is known. */
  allow(room: string, action: KeyAction): boolean {
    const actions = this.#known.get(room) ?? this.#find(room);
    return (actions & (BITS.get(action) ?? 0)) !== 0;
  }

  #find(room: string): number {
    let found = 0;
    for (const { pattern, actions } of this.#entries) if (pattern.test(room)) found |= actions;
    // A client may name a new room every time.
    if (this.#known.size >= MAX_CACHED_ROOMS) this.#known.clear();
    this.#known.set(room, found);
    return found;
  }
}

function bits(actions: readonly string[]): number {
  return actions.reduce((all, action) => all | (BITS.get(action) ?? 0), 0);
}
