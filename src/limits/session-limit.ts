// The session limit: how many sessions there may be, in all and from one address. Checked as a session enters.
import type { Hub } from "../hub/hub.ts";
import { ThumpError } from "../protocol/codes.ts";

/** Who found no place tries again after so long, in ms, and up to as long again: not all at the same time. */
const RETRY_MS = 5000;

export class SessionLimit {
  /** How many found no place, because all or because those of their address were taken. */
  readonly refused = { all: 0, address: 0 };

  /**
   * The numbers may be replaced while the server runs; who is there stays.
   * @param max sessions in all @param perAddress sessions from one address, but for this machine's and API keys'
   */
  constructor(
    readonly hub: Hub,
    public max: number,
    public perAddress: number,
  ) {}

  /**
   * Whether there is a place for a session, which must enter in the same tick: before an await others could take it.
   * @throws ThumpError `busy`, `rate`
   */
  check({ addressKey }: { addressKey?: string | undefined }): void {
    const { sessions, sessionsByAddress } = this.hub;
    const retry = RETRY_MS + Math.floor(Math.random() * RETRY_MS);
    if (sessions.size >= this.max) {
      this.refused.all++;
      const why = `All ${this.max} places for sessions are taken. Try again in ${retry} ms.`;
      throw new ThumpError("busy", why, undefined, retry);
    }
    if (addressKey !== undefined && (sessionsByAddress.get(addressKey) ?? 0) >= this.perAddress) {
      this.refused.address++;
      const why = `One address may have ${this.perAddress} sessions. Close one, or try again in ${retry} ms.`;
      throw new ThumpError("rate", why, undefined, retry);
    }
  }
}
