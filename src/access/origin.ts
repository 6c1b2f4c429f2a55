// Which web pages may use this server: browsers name the page's origin, other clients name none.
import { ThumpError } from "../protocol/codes.ts";

const LOOPBACK = /^https?:\/\/(localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?$/;

export class Origins {
  /** @param allowed exact origins such as "https://app.example"; "*" allows all */
  constructor(readonly allowed: readonly string[] = []) {}

  /**
   * Returns the request's origin when there is one and it is allowed: this server's own, one on this machine
   * (a developer's other port), or a listed one.
   * @throws ThumpError `origin`
   */
  check(request: Request): string | undefined {
    const origin = request.headers.get("origin");
    if (origin === null) return undefined;
    const own = origin.replace(/^https?:\/\//, "") === request.headers.get("host");
    if (own || LOOPBACK.test(origin) || this.allowed.includes(origin) || this.allowed.includes("*"))
      return origin;
    throw new ThumpError(
      "origin",
      `Pages from ${origin.slice(0, 128)} may not use this server. Allow them with --origin.`,
    );
  }
}
