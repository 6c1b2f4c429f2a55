// Credentials: reads the token or API key from a request's header, WebSocket subprotocol, query or cookie.
import { ThumpError } from "../protocol/codes.ts";

const SUBPROTOCOL_PREFIX = "bearer.";

export interface Credential {
  token: string;
  from: "header" | "protocol" | "query" | "cookie";
}

/**
 * The first credential of a request, in the order header, subprotocol, query, cookie. If it is invalid, the others are
 * not tried.
 * @param cookie the name of the cookie that may hold a token
 */
export function readCredential(request: Request, cookie: string | undefined): Credential | undefined {
  const { headers } = request;
  const [, token] = /^bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  if (token !== undefined) return { token: token.trim(), from: "header" };
  const offered = offeredProtocols(request).find((protocol) => protocol.startsWith(SUBPROTOCOL_PREFIX));
  if (offered !== undefined) return { token: offered.slice(SUBPROTOCOL_PREFIX.length), from: "protocol" };
  const query = queryToken(request.url);
  if (query !== undefined) return { token: query, from: "query" };
  const value = cookie === undefined ? undefined : readCookie(headers.get("cookie"), cookie);
  return value === undefined ? undefined : { token: value, from: "cookie" };
}

/**
 * The subprotocol that the response of a WebSocket handshake selects: the first offered one that is not a token.
 * Otherwise Bun would send the token back. Undefined if none was offered.
 * @throws ThumpError `malformed` if only a token was offered, because browsers require one of the offered subprotocols
 */
export function chooseProtocol(request: Request): string | undefined {
  const offered = offeredProtocols(request);
  const chosen = offered.find((protocol) => !protocol.startsWith(SUBPROTOCOL_PREFIX));
  if (chosen === undefined && offered.length > 0) {
    throw new ThumpError(
      "malformed",
      'Offer a second subprotocol in addition to the token: new WebSocket(url, ["thump", "bearer.…"]).',
    );
  }
  return chosen;
}

function offeredProtocols({ headers }: Request): string[] {
  const offered = headers.get("sec-websocket-protocol");
  return offered === null || headers.get("upgrade") === null
    ? []
    : offered
        .split(",")
        .map((protocol) => protocol.trim())
        .filter((protocol) => protocol !== "");
}

function queryToken(url: string): string | undefined {
  const at = url.indexOf("?");
  // Fast path: most queries have no token.
  if (at < 0 || !url.includes("token=", at)) return undefined;
  return new URLSearchParams(url.slice(at)).get("token") || undefined;
}

function readCookie(header: string | null, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}
