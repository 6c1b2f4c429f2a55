// Origins: decides which web pages may use this server. Browsers send the page's origin; other clients send none.
import { ThumpError } from "../protocol/codes.ts";
import { isLoopback } from "../limits/local-request.ts";

const WEB_ORIGIN = /^https?:\/\//;
/**
 * Matches origins of apps that embed web pages, such as capacitor://localhost. `URL` returns no origin for them. The
 * excluded schemes never occur in a page's origin.
 */
const OTHER_ORIGIN = /^(?!(?:wss?|ftp|file|blob|data):)[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\,*]+$/;

/**
 * The normal form of an origin, for comparison: scheme and host in lower case and Punycode, without the default port.
 * Undefined if the text is not an origin.
 */
export function normalOrigin(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (!WEB_ORIGIN.test(lower)) return OTHER_ORIGIN.test(lower) ? lower : undefined;
  // `URL` would drop or reinterpret some of these characters.
  if (/[\s\\*,?#@]/.test(lower)) return undefined;
  try {
    const { origin, pathname } = new URL(lower);
    return pathname === "/" ? origin : undefined;
  } catch {
    return undefined;
  }
}

/** The first error in a list of origins; undefined if all are valid. */
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

/** Guesses the intended origin from a URL that has a path or lacks a scheme. */
function nearest(text: string): string | undefined {
  if (text === "null") return undefined;
  const [address = ""] = /^[^/?#]*(?:\/\/[^/?#]*)?/.exec(text.trim()) ?? [];
  // A WebSocket URL has the same host and a different scheme.
  const web = address.replace(/^ws(?=s?:\/\/)/i, "http");
  return normalOrigin(web.includes("://") ? web : `https://${web}`);
}

export class Origins {
  #allowed: ReadonlySet<string> = new Set();
  /** The hosts of the allowed origins, with and without the default port. */
  #hosts: ReadonlySet<string> = new Set();

  /**
   * Whether the server listens on loopback and has no credentials. If so, the Host header must name this machine or an
   * allowed origin. Otherwise a web page could point its own domain at this machine and share the server's origin (DNS
   * rebinding).
   */
  loopbackOnly: () => boolean = () => false;

  /** @param allowed origins such as "https://app.example", validated by `originsFault`; "*" allows all */
  constructor(allowed: readonly string[] = []) {
    this.allow(allowed);
  }

  /** Replaces the allowed origins. */
  allow(allowed: readonly string[]): void {
    const origins = allowed.map((origin) => normalOrigin(origin) ?? origin);
    this.#allowed = new Set(origins);
    this.#hosts = new Set(origins.filter((origin) => origin !== "*").flatMap(hostsOf));
  }

  /**
   * Checks the origin of a request and returns it, if there is one. Allowed origins are this server's own, those on
   * this machine (such as a development server on a different port), and listed ones.
   * @throws ThumpError `origin`, `malformed`
   */
  check(request: Request): string | undefined {
    const host = request.headers.get("host") ?? "";
    // If a request has several Host headers (RFC 9112 §3.2), a proxy and this server may use different ones.
    if (host.includes(",")) throw new ThumpError("malformed", "The request has more than one Host header.");
    const all = this.#allowed.has("*");
    if (!all && this.loopbackOnly() && !this.isNamed(host)) {
      throw new ThumpError(
        "origin",
        `This server accepts only requests to localhost; this one was to ${host.slice(0, 128)}. Allow that host with --origin https://${host.slice(0, 128)}.`,
      );
    }
    const origin = request.headers.get("origin");
    if (origin === null || this.allows(origin, host)) return origin ?? undefined;
    throw new ThumpError(
      "origin",
      `Pages of the origin ${origin.slice(0, 128)} are not allowed. Allow them with --origin.`,
    );
  }

  /** Whether pages from an origin may send requests with this Host header. */
  allows(origin: string, host: string): boolean {
    if (this.#allowed.has("*") || this.isListed(origin)) return true;
    const hosts = hostsOf(normalOrigin(origin) ?? "");
    return hosts.includes(host.toLowerCase()) || hosts.some(isLoopback);
  }

  /**
   * Checks which page sent a request with a cookie, because browsers attach cookies to requests from any page. The
   * page's origin must be this server's own, or be listed by name. Neither "*" nor an origin on this machine is enough.
   * @throws ThumpError `origin`
   */
  checkForCookie(request: Request): void {
    const { headers, method } = request;
    const origin = headers.get("origin");
    // Browsers send no origin with a GET to the page's own server.
    const own =
      origin === null
        ? method === "GET" && !headers.has("upgrade") && headers.get("sec-fetch-site") === "same-origin"
        : hostsOf(normalOrigin(origin) ?? "").includes((headers.get("host") ?? "").toLowerCase());
    if (own || (origin !== null && this.isListed(origin))) return;
    throw new ThumpError(
      "origin",
      "A token in a cookie is accepted only from pages of this server and of listed origins. See --origin.",
    );
  }

  /** Whether an origin is listed by name, not only allowed by "*". */
  isListed(origin: string): boolean {
    // Fast path: browsers send the normal form.
    return this.#allowed.has(origin) || this.#allowed.has(normalOrigin(origin) ?? "");
  }

  /** Whether a Host header names this machine or the host of an origin that is listed by name. */
  isNamed(host: string): boolean {
    return isLoopback(host) || this.#hosts.has(host.toLowerCase());
  }
}

/**
 * The Host header values of a web origin in normal form, with and without the default port; empty for other origins.
 */
function hostsOf(origin: string): string[] {
  const [scheme, host] = origin.split("://");
  const port = { http: 80, https: 443 }[scheme ?? ""];
  if (host === undefined || port === undefined) return [];
  return /:[0-9]+$/.test(host) ? [host] : [host, `${host}:${port}`];
}
