// Where a client is in one room: what comes next, what it has already, what is missing. Pure.

/** A cursor, read: `<epoch>-<seq>`. */
export interface CursorPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** Reads a cursor; undefined when the text is none. */
export function parsePosition(at: string | null | undefined): CursorPosition | undefined {
  const [, epoch, seq] = /^([0-9a-z]+)-(0|[1-9]\d*)$/.exec(at ?? "") ?? [];
  return epoch === undefined ? undefined : { epoch, seq: Number(seq) };
}

/** Writes it again. */
export function formatPosition({ epoch, seq }: CursorPosition): string {
  return `${epoch}-${seq}`;
}

/** Whether who has everything up to `a` has everything up to `b`. */
function covers(a: CursorPosition, b: CursorPosition): boolean {
  return a.epoch === b.epoch && a.seq >= b.seq;
}

export class CursorTracker {
  /** Everything up to here has come, or is known to be gone: where to resume. */
  position: CursorPosition | undefined;
  /** The newest that came itself on this connection: what follows is compared with it, not with what we were told. */
  #held: CursorPosition | undefined;
  /** What a `joined` announced and has not come yet. */
  #due: { count: number; at: CursorPosition | undefined } | undefined;
  /** Something was missing, and the server was asked for it. */
  #asked = false;
  /** The room's rule is to skip: what is missing is not lost. */
  #skips = false;

  /** Whether old publications are still on their way. */
  get isCatchingUp(): boolean {
    return this.#due !== undefined;
  }

  /** The cursor to resume from. */
  get after(): string | undefined {
    return this.position && formatPosition(this.position);
  }

  /** The server took us in. `at` covers what `replay` publications will have brought. */
  joined({ at, resumed, replay }: { at: string; resumed: boolean; replay: number }): void {
    this.#due = { count: replay, at: parsePosition(at) };
    // Else a gap notice follows first.
    if (resumed || !this.position) this.#settle();
  }

  /**
   * A publication has come. `next`: it is the next one. `repeat`: we have it. `missing`: something before it is
   * missing; the server must be asked for all after our position, and what else comes meanwhile not be shown.
   */
  message(at: CursorPosition, prev: number): "next" | "repeat" | "missing" {
    const held = this.#held ?? this.position;
    if (held) {
      if (covers(held, at)) return "repeat";
      if (!this.#skips && !covers(held, { ...at, seq: prev })) {
        if (!this.#asked) {
          this.#asked = true;
          this.position = held;
          return "missing";
        }
        // Asked for everything, the server goes on here, without a word of a gap: skipping is the room's rule.
        this.#skips = true;
      }
    }
    this.#asked = false;
    this.#held = this.position = at;
    if (this.#due) {
      this.#due.count--;
      this.#settle();
    }
    return "next";
  }

  /** A gap notice. False when it is not about us: a stream of several rooms goes back further than each needs. */
  gap(after: string, at: string): boolean {
    const to = parsePosition(at);
    const { position } = this;
    if (!to || (position && this.after !== after && covers(position, to))) return false;
    this.#held = this.position = to;
    this.#asked = false;
    this.#settle();
    return true;
  }

  /** The server says that everything up to `at` has come. */
  covered(at: CursorPosition): void {
    if (!this.position || !covers(this.position, at)) this.position = at;
  }

  /** The connection is gone, and what it announced with it. */
  detach(): void {
    this.#due = this.#held = undefined;
  }

  #settle(): void {
    const due = this.#due;
    if (!due || (due.count > 0 && !(due.at && this.position && covers(this.position, due.at)))) return;
    this.#due = undefined;
    if (due.at) this.covered(due.at);
  }
}
