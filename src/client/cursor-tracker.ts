// Cursor tracker: a client's position in one room. Detects repeated and missing messages. Pure.

/** A parsed cursor: `<epoch>-<seq>`. */
export interface CursorPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** Parses a cursor. Returns undefined if the text is not a cursor. */
export function parsePosition(at: string | null | undefined): CursorPosition | undefined {
  const [, epoch, seq] = /^([0-9a-z]+)-(0|[1-9]\d*)$/.exec(at ?? "") ?? [];
  return epoch === undefined ? undefined : { epoch, seq: Number(seq) };
}

/** Formats a position as a cursor. */
export function formatPosition({ epoch, seq }: CursorPosition): string {
  return `${epoch}-${seq}`;
}

/** True if `a` is at or after `b` in the same epoch. */
function covers(a: CursorPosition, b: CursorPosition): boolean {
  return a.epoch === b.epoch && a.seq >= b.seq;
}

export class CursorTracker {
  /** The position to resume from: every message up to this position was received or reported as a gap. */
  position: CursorPosition | undefined;
  /**
   * The newest message or gap received on this connection. A message's `prev` is compared with this position, not with
   * positions that the server announced.
   */
  #received: CursorPosition | undefined;
  /** The outstanding part of the replay that a `joined` reply announced. */
  #replay: { count: number; at: CursorPosition | undefined } | undefined;
  /** True after missing messages were requested from the server. */
  #requested = false;
  /** True if the room's rule skips messages (`lag: "latest"`). If so, missing messages are not requested. */
  #skips = false;

  /** True until the announced replay is complete. */
  get isCatchingUp(): boolean {
    return this.#replay !== undefined;
  }

  /** The cursor to resume from. */
  get after(): string | undefined {
    return this.position && formatPosition(this.position);
  }

  /** Handles a `joined` reply. A replay of `replay` messages follows, and ends at `at`. */
  joined({ at, resumed, replay }: { at: string; resumed: boolean; replay: number }): void {
    this.#replay = { count: replay, at: parsePosition(at) };
    // Otherwise, a gap notice follows, and `gap` checks the replay.
    if (resumed || !this.position) this.#checkReplay();
  }

  /**
   * Classifies a received message: `next` means that no earlier message is missing, `repeat` that it was received
   * before, `missing` that earlier messages are missing. After `missing` the caller must rejoin from `position`, and
   * drop messages until then.
   */
  message(at: CursorPosition, prev: number): "next" | "repeat" | "missing" {
    const received = this.#received ?? this.position;
    if (received) {
      if (covers(received, at)) return "repeat";
      if (!this.#skips && !covers(received, { ...at, seq: prev })) {
        if (!this.#requested) {
          this.#requested = true;
          this.position = received;
          return "missing";
        }
        // If messages are still missing after the rejoin and no gap notice arrived, the room's rule skips messages.
        this.#skips = true;
      }
    }
    this.#requested = false;
    this.#received = this.position = at;
    if (this.#replay) {
      this.#replay.count--;
      this.#checkReplay();
    }
    return "next";
  }

  /**
   * Handles a gap notice. Returns false if the gap ends at or before our position, which can happen on a shared stream.
   */
  gap(after: string, at: string): boolean {
    const to = parsePosition(at);
    const { position } = this;
    if (!to || (position && this.after !== after && covers(position, to))) return false;
    this.#received = this.position = to;
    this.#requested = false;
    this.#checkReplay();
    return true;
  }

  /** Advances the position after the server announced that no message up to `at` is outstanding. */
  advance(at: CursorPosition): void {
    if (!this.position || !covers(this.position, at)) this.position = at;
  }

  /** Clears the ended connection's replay and newest message. */
  detach(): void {
    this.#replay = this.#received = undefined;
  }

  /** Ends the catch-up once the replay is complete. */
  #checkReplay(): void {
    const replay = this.#replay;
    if (!replay || (replay.count > 0 && !(replay.at && this.position && covers(this.position, replay.at))))
      return;
    this.#replay = undefined;
    if (replay.at) this.advance(replay.at);
  }
}
