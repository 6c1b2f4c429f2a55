// Credentials: reads the token or API key from a request's header, WebSocket subprotocol, query or cookie.
import { ThumpError } from "../protocol/codes.ts";

const SUBPROTOCOL_PREFIX = "bearer.";

export interface Credential {
  token: string;
  from: "header" | "protocol" | "query" | "cookie";
}

/**
 * Returns the first credential found in a request, in the order header, subprotocol, query, cookie. Later credentials
 * are not tried, even if the first is invalid.
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
 * Returns the subprotocol to select in the response to a WebSocket handshake: the first offered subprotocol that is not
 * a token. Without a selection, Bun would send the token back. Undefined if the client offered no subprotocol.
 * @throws ThumpError `malformed` if the client offered only a token: browsers require the server to select an offered
 * subprotocol
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
