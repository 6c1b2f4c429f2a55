// The session limit: caps the sessions of the server and of each client address.
import type { Hub } from "../hub/hub.ts";
import { ThumpError } from "../protocol/codes.ts";

/** Shortest time after which a rejected client retries. A random share of it is added, so that retries spread out. */
const RETRY_MS = 5000;

export class SessionLimit {
  /** Rejected sessions, by the limit that they exceeded: of the server, or of their address. */
  readonly refused = { all: 0, address: 0 };

  /**
   * A reload may replace both limits. Open sessions stay.
   * @param max sessions of the server
   * @param perAddress sessions per client address, except those of this machine and of API keys
   */
  constructor(
    readonly hub: Hub,
    public max: number,
    public perAddress: number,
  ) {}

  /**
   * Checks both limits. The session must be added in the same tick, or other sessions may exceed the limit.
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
