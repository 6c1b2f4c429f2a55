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
   * Whether the server listens on loopback and knows no secrets: then only who calls it by a name of this machine,
   * or of an allowed origin, may use it. Else a page could give its own name this machine's address, and be "of the
   * same origin".
   */
  loopbackOnly: () => boolean = () => false;

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
   * @throws ThumpError `origin`, `malformed`
   */
  check(request: Request): string | undefined {
    const host = request.headers.get("host") ?? "";
    // Two of them (RFC 9112 §3.2): a proxy may have gone by the other one.
    if (host.includes(",")) throw new ThumpError("malformed", "The request names more than one host.");
    const all = this.#allowed.includes("*");
    if (!all && this.loopbackOnly() && !isLoopback(host) && !this.#hosts.includes(host)) {
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

  /**
   * Browsers send cookies along whichever page asks: it must be one of this server's own, or of an origin that is
   * listed by name. A page on somebody's own machine, or "*", is not enough.
   * @throws ThumpError `origin`
   */
  checkForCookie(request: Request): void {
    const { headers, method } = request;
    const origin = headers.get("origin");
    // Browsers leave the origin out when a page asks its own server for something.
    const own =
      origin === null
        ? method === "GET" && !headers.has("upgrade") && headers.get("sec-fetch-site") === "same-origin"
        : origin.replace(SCHEME, "") === headers.get("host");
    if (own || (origin !== null && this.isListed(origin))) return;
    throw new ThumpError(
      "origin",
      "A token in a cookie counts only for this server's own pages and those of listed origins: see --origin.",
    );
  }

  /** Whether an origin is on the list by its name. */
  isListed(origin: string): boolean {
    return this.#allowed.includes(origin);
  }
}
