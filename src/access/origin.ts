// Which web pages may use this server: browsers name the page's origin, other clients name none.
import { ThumpError } from "../protocol/codes.ts";

const LOOPBACK = /^(localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]|::1)(:[0-9]+)?$/;
const SCHEME = /^https?:\/\//;

/** Whether a host, with or without a port, is this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

export class Origins {
  #allowed: readonly string[] = [];
  #hosts: string[] = [];

  /**
   * The server listens on loopback: only who calls it by a name of this machine, or of an allowed origin, may
   * use it. Else a page could give its own name this machine's address, and be "of the same origin".
   */
  loopbackOnly = false;

  /** @param allowed exact origins such as "https://app.example"; "*" allows all */
  constructor(allowed: readonly string[] = []) {
    this.allow(allowed);
  }

  /** Allows these from now on, and no others. */
  allow(allowed: readonly string[]): void {
    this.#allowed = allowed;
    this.#hosts = allowed.map((origin) => origin.replace(SCHEME, ""));
  }

  /**
   * Returns the request's origin when there is one and it is allowed: this server's own, one on this machine
   * (a developer's other port), or a listed one.
   * @throws ThumpError `origin`
   */
  check(request: Request): string | undefined {
    const host = request.headers.get("host") ?? "";
    const all = this.#allowed.includes("*");
    if (this.loopbackOnly && !all && !isLoopback(host) && !this.#hosts.includes(host)) {
      throw new ThumpError(
        "origin",
        `This server is for its own machine; it was called as ${host.slice(0, 128)}. Allow that with --origin https://${host.slice(0, 128)}.`,
      );
    }
    const origin = request.headers.get("origin");
    if (origin === null) return undefined;
    const from = origin.replace(SCHEME, "");
    if (all || from === host || isLoopback(from) || this.#allowed.includes(origin)) return origin;
    throw new ThumpError(
      "origin",
      `Pages from ${origin.slice(0, 128)} may not use this server. Allow them with --origin.`,
    );
  }
}
