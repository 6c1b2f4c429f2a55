// The WebSocket handshake: makes a request a socket, or says why it cannot become one.
import type { Server } from "bun";
import { chooseProtocol } from "../../auth/credentials.ts";
import { ThumpError } from "../../protocol/codes.ts";
import type { SocketSession } from "./socket-session.ts";

/**
 * Makes a request a socket with this session.
 * @throws ThumpError `malformed`; `internal` where the app is not served by a server that takes sockets
 */
export function upgrade(server: Server<unknown> | null, request: Request, session: SocketSession): void {
  if (!isHandshake(request)) throw incomplete();
  if (server && tryUpgrade(server, request, session)) return;
  // A request of this server's own has an address; another one was made of it on the way.
  throw server && session.context.address !== undefined ? incomplete() : needsListen();
}

/**
 * What Bun leaves to us of RFC 6455 §4.2.1: without `Connection: Upgrade` a proxy on the way takes the request
 * for a plain one. And where it has a body, a proxy takes for that what here would be frames.
 */
function isHandshake({ headers }: Request): boolean {
  const connection = headers.get("connection") ?? "";
  const hasBody = headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) !== 0;
  return !hasBody && /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(connection);
}

/** False when the handshake is incomplete, or the request is not the server's own. */
function tryUpgrade(server: Server<unknown>, request: Request, session: SocketSession): boolean {
  const protocol = chooseProtocol(request);
  try {
    return server.upgrade(request, {
      data: session,
      ...(protocol === undefined ? {} : { headers: { "sec-websocket-protocol": protocol } }),
    });
  } catch (error) {
    // The app made the server itself, without handlers for sockets.
    if (error instanceof TypeError) throw needsListen();
    throw error;
  }
}

function incomplete(): ThumpError {
  return new ThumpError("malformed", "The WebSocket handshake is incomplete, or has a body (RFC 6455 §4.1).");
}

function needsListen(): ThumpError {
  return new ThumpError(
    "internal",
    "WebSockets need the server that the app's own listen() makes: not Bun.serve({ fetch: app.fetch }), nor an app " +
      "behind .mount(). Event streams and requests work.",
  );
}
