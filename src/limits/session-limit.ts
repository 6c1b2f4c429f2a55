// The session limit: limits the number of sessions in total and per client address.
import type { Hub } from "../hub/hub.ts";
import { ThumpError } from "../protocol/codes.ts";

/**
 * Minimum retry delay of a rejected client. A random delay of at most the same length is added, so that retries spread
 * out.
 */
const RETRY_MS = 5000;

export class SessionLimit {
  /** Number of sessions that the total limit and the per-address limit have rejected. */
  readonly refused = { all: 0, address: 0 };

  /**
   * A reload may replace both limits. Open sessions are not affected.
   * @param max maximum number of sessions in total
   * @param perAddress maximum number per client address; clients on this machine and API keys are exempt
   */
  constructor(
    readonly hub: Hub,
    public max: number,
    public perAddress: number,
  ) {}

  /**
   * Checks both limits. The session must be added in the same tick; otherwise, sessions added between the check and the
   * addition could exceed the limit.
   * @throws ThumpError `busy`, `rate`
   */
  check({ addressKey }: { addressKey?: string | undefined }): void {
    const { sessions, sessionsByAddress } = this.hub;
    const retry = RETRY_MS + Math.floor(Math.random() * RETRY_MS);
    if (sessions.size >= this.max) {
      this.refused.all++;
      const why = `The server has reached its limit of ${this.max} sessions. Try again in ${retry} ms.`;
      throw new ThumpError("busy", why, undefined, retry);
    }
    if (addressKey !== undefined && (sessionsByAddress.get(addressKey) ?? 0) >= this.perAddress) {
      this.refused.address++;
      const why = `This address has reached its limit of ${this.perAddress} sessions. Close one, or try again in ${retry} ms.`;
      throw new ThumpError("rate", why, undefined, retry);
    }
  }
}
