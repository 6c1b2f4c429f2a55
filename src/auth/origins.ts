// Which web pages may use this server: browsers name the page's origin, other clients name none.
import { ThumpError } from "../protocol/codes.ts";
import { isLoopback } from "../limits/local-request.ts";

const WEB_ORIGIN = /^https?:\/\//;
/**
 * Schemes of apps that show web pages, such as capacitor://localhost: URLs know no origin of theirs. No page has an
 * origin with one of the excluded schemes.
 */
const OTHER_ORIGIN = /^(?!(?:wss?|ftp|file|blob|data):)[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\,*]+$/;

/**
 * The one form that origins are compared in: scheme and host in lower case and Punycode, without the port that goes
 * without saying. Undefined for what cannot be an origin.
 */
export function normalOrigin(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (!WEB_ORIGIN.test(lower)) return OTHER_ORIGIN.test(lower) ? lower : undefined;
  // A URL would leave some of these out, or take them for something else.
  if (/[\s\\*,?#@]/.test(lower)) return undefined;
  try {
    const { origin, pathname } = new URL(lower);
    return pathname === "/" ? origin : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong with a list of origins, or nothing. */
export function originsFault(origins: readonly string[]): string | undefined {
  for (const origin of origins) {
    if (origin === "*" || normalOrigin(origin) !== undefined) continue;
    const named = JSON.stringify(origin);
    if (origin.includes("*"))
      return `${named} has a wildcard: list each origin, such as https://app.example, or "*" for all`;
    const meant = nearest(origin);
    return `${named} is not an origin: ${meant ? `write ${meant}` : "write it as https://app.example"}`;
  }
  return undefined;
}

/** The origin that somebody may have meant: of an address with a path, or without its scheme. */
function nearest(text: string): string | undefined {
  if (text === "null") return undefined;
  const [address = ""] = /^[^/?#]*(?:\/\/[^/?#]*)?/.exec(text.trim()) ?? [];
  // A socket's address has the host of the page's, and another scheme.
  const web = address.replace(/^ws(?=s?:\/\/)/i, "http");
  return normalOrigin(web.includes("://") ? web : `https://${web}`);
}

export class Origins {
  #allowed: ReadonlySet<string> = new Set();
  /** The hosts of these, with and without the port that goes without saying. */
  #hosts: ReadonlySet<string> = new Set();

  /**
   * Whether the server listens on loopback and knows no secrets: then only who calls it by a name of this machine,
   * or of an allowed origin, may use it. Else a page could give its own name this machine's address, and be "of the
   * same origin".
   */
  loopbackOnly: () => boolean = () => false;

  /** @param allowed origins such as "https://app.example"; "*" allows all. They must have been checked */
  constructor(allowed: readonly string[] = []) {
    this.allow(allowed);
  }

  /** Allows these from now on, and no others. */
  allow(allowed: readonly string[]): void {
    const origins = allowed.map((origin) => normalOrigin(origin) ?? origin);
    this.#allowed = new Set(origins);
    this.#hosts = new Set(origins.filter((origin) => origin !== "*").flatMap(hostsOf));
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
    const all = this.#allowed.has("*");
    if (!all && this.loopbackOnly() && !this.isNamed(host)) {
      throw new ThumpError(
        "origin",
        `This server is for its own machine; it was called as ${host.slice(0, 128)}. Allow that with --origin https://${host.slice(0, 128)}.`,
      );
    }
    const origin = request.headers.get("origin");
    if (origin === null || this.allows(origin, host)) return origin ?? undefined;
    throw new ThumpError(
      "origin",
      `Pages from ${origin.slice(0, 128)} may not use this server. Allow them with --origin.`,
    );
  }

  /** Whether pages of an origin may use the server by this Host header. */
  allows(origin: string, host: string): boolean {
    if (this.#allowed.has("*") || this.isListed(origin)) return true;
    const hosts = hostsOf(normalOrigin(origin) ?? "");
    return hosts.includes(host.toLowerCase()) || hosts.some(isLoopback);
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
        : hostsOf(normalOrigin(origin) ?? "").includes((headers.get("host") ?? "").toLowerCase());
    if (own || (origin !== null && this.isListed(origin))) return;
    throw new ThumpError(
      "origin",
      "A token in a cookie counts only for this server's own pages and those of listed origins: see --origin.",
    );
  }

  /** Whether an origin is on the list by its name. */
  isListed(origin: string): boolean {
    // Browsers send the normal form: only other clients' have to be brought into it.
    return this.#allowed.has(origin) || this.#allowed.has(normalOrigin(origin) ?? "");
  }

  /** Whether a Host header names this machine, or the host of a listed origin. "*" lists no name. */
  isNamed(host: string): boolean {
    return isLoopback(host) || this.#hosts.has(host.toLowerCase());
  }
}

/** The Host headers that mean the same host as a web origin in normal form; none for other origins. */
function hostsOf(origin: string): string[] {
  const [scheme, host] = origin.split("://");
  const port = { http: 80, https: 443 }[scheme ?? ""];
  if (host === undefined || port === undefined) return [];
  return /:[0-9]+$/.test(host) ? [host] : [host, `${host}:${port}`];
}
