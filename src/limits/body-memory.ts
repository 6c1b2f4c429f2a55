// Bodies on their way: what of them has come may take so much memory together. When it is more, the slowest gives way.
import { ThumpError } from "../protocol/codes.ts";

/** Who had to give way tries again after so long, in ms. */
const RETRY = 1000;

/** One that is on its way: what has come of it, and whom to tell that it had to give way. */
export interface Body {
  bytes: number;
  readonly giveUp: (error: ThumpError) => void;
}

export class Bodies {
  /** What has come of them, in bytes. */
  bytes = 0;
  /** How many had to give way. */
  givenUp = 0;
  /** Those that began first come first. */
  readonly #open = new Set<Body>();

  /** @param max in bytes; it may be replaced while the server runs */
  constructor(public max: number = Number.POSITIVE_INFINITY) {}

  /** A body begins. `close` must be called at its end. @param giveUp called when it has to give way */
  open(giveUp: (error: ThumpError) => void): Body {
    const body: Body = { bytes: 0, giveUp };
    this.#open.add(body);
    return body;
  }

  /** Whoever takes long pays: honest bodies come at once, and find room whoever else holds some. */
  #relieve(): void {
    for (const body of this.#open) {
      if (this.bytes <= this.max) return;
      this.givenUp++;
      this.close(body);
      const why = `Too much is being sent at the same time, and this body took the longest. Try again in ${RETRY} ms.`;
      body.giveUp(new ThumpError("busy", why, undefined, RETRY));
    }
  }

  /** It came to its end, or had to give way. */
  close(body: Body): void {
    if (this.#open.delete(body)) this.bytes -= body.bytes;
  }

  /** So much more of one has come. What comes of one that has given way is not kept. */
  take(body: Body, bytes: number): void {
    if (!this.#open.has(body)) return;
    body.bytes += bytes;
    this.bytes += bytes;
    this.#relieve();
  }
}
