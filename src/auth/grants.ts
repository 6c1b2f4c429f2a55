// Grants: the actions that a token or API key permits, per room pattern.
import { compilePattern, type Pattern } from "../rooms/pattern.ts";
import { KEY_ACTIONS, type KeyAction } from "./actions.ts";

/** Maximum number of rooms whose grants are cached. When it is reached, the cache is cleared. */
const MAX_CACHED_ROOMS = 1024;
const BITS = new Map<string, number>(KEY_ACTIONS.map((action, i) => [action, 1 << i]));

export class Grants {
  readonly #entries: { pattern: Pattern; actions: number }[];
  readonly #known = new Map<string, number>();

  /**
   * @param rooms actions per pattern; a room gets the actions of every pattern that matches it
   * @param actions the actions that can be granted; unknown actions are ignored, because a later version may define
   * them
   */
  constructor(rooms: Record<string, readonly string[]> = {}, actions: readonly KeyAction[] = KEY_ACTIONS) {
    const possible = bits(actions);
    this.#entries = Object.entries(rooms).map(([pattern, granted]) => ({
      pattern: compilePattern(pattern),
      actions: bits(granted) & possible,
    }));
  }

  /** Whether an action in a room is granted. Takes one map lookup if the room is cached. */
  allow(room: string, action: KeyAction): boolean {
    const actions = this.#known.get(room) ?? this.#find(room);
    return (actions & (BITS.get(action) ?? 0)) !== 0;
  }

  #find(room: string): number {
    let found = 0;
    for (const { pattern, actions } of this.#entries) if (pattern.test(room)) found |= actions;
    // Clients can name any number of rooms, so the cache must be bounded.
    if (this.#known.size >= MAX_CACHED_ROOMS) this.#known.clear();
    this.#known.set(room, found);
    return found;
  }
}

function bits(actions: readonly string[]): number {
  return actions.reduce((all, action) => all | (BITS.get(action) ?? 0), 0);
}
