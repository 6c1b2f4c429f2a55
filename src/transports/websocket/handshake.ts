// The WebSocket handshake: upgrades a request, or throws an error that gives the reason.
import type { Server } from "bun";
import { chooseProtocol } from "../../auth/credentials.ts";
import { ThumpError } from "../../protocol/codes.ts";
import type { SocketSession } from "./socket-session.ts";

/**
 * Upgrades a request to a socket with a session.
 * @throws ThumpError `malformed`; `internal` if the app's server does not support WebSockets
 */
export function upgrade(server: Server<unknown> | null, request: Request, session: SocketSession): void {
  if (!isHandshake(request)) throw incomplete();
  if (server && tryUpgrade(server, request, session)) return;
  // A request without an address did not come directly from Bun's server.
  throw server && session.context.address !== undefined ? incomplete() : needsListen();
}

/**
 * Performs the checks from RFC 6455 §4.2.1 that Bun omits. Without `Connection: Upgrade`, a proxy treats the request as
 * an ordinary one. If the request has a body, a proxy treats the frames as that body.
 */
function isHandshake({ headers }: Request): boolean {
  const connection = headers.get("connection") ?? "";
  const hasBody = headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) !== 0;
  return !hasBody && /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(connection);
}

/** Returns false if the handshake is incomplete, or if the request did not come directly from Bun's server. */
function tryUpgrade(server: Server<unknown>, request: Request, session: SocketSession): boolean {
  const protocol = chooseProtocol(request);
  try {
    return server.upgrade(request, {
      data: session,
      ...(protocol === undefined ? {} : { headers: { "sec-websocket-protocol": protocol } }),
    });
  } catch (error) {
    // The app called `Bun.serve` itself, without WebSocket handlers.
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
    "WebSockets require app.listen(). They do not work with Bun.serve({ fetch: app.fetch }) or in an app behind " +
      ".mount(). Event streams and ordinary requests do.",
  );
}
