// Reconnect loop: chooses the transport, waits between attempts, and moves from a stream to a WebSocket when possible.
import { newBackoff } from "./backoff.ts";
import type { CloseReason } from "./close-reason.ts";
import { toError, type ThumpError } from "./client-errors.ts";
import type { ConnectionContext, Connection } from "./connection.ts";
import { webSocketTransport } from "./websocket-transport.ts";
import { streamTransport } from "./stream-transport.ts";

/** Revocations compare issue times in whole seconds. A token fetched after this delay was issued in a later second. */
const REVOKED_RETRY_MS = 1100;
/** A connection that lasts longer than this resets the backoff. */
const STABLE_MS = 5000;

/** The parts of the client that the reconnect loop uses. */
export interface ReconnectContext extends ConnectionContext {
  /** Called when the state of the connection changes. */
  changed(): void;
  /** Closes the client after a final error. */
  close(error: ThumpError): void;
}

/** The reconnect loop and its current connection. */
export interface ReconnectLoop {
  /** The current connection, open or opening. */
  connection: Connection | undefined;
  /** True during the delay before the next attempt. */
  waiting: boolean;
  /** Connects, and reconnects whenever the connection ends, until the client is closed. */
  run(): Promise<void>;
  /** Starts using a connection after its welcome, and ends the connection that it replaces. */
  opened(connection: Connection): void;
  /** Reconnects at once if waiting; otherwise checks the connection. @param moved true if the network changed */
  wake(moved: boolean): void;
  /** Ends the loop and its connection. */
  close(): void;
}

export function createReconnectLoop(
  context: ReconnectContext,
  options: {
    transport?: Connection["kind"];
    backoff?: { first?: number; most?: number };
    socketRetry?: number;
  },
): ReconnectLoop {
  const { transport } = options;
  const backoff = newBackoff(options.backoff?.first, options.backoff?.most);
  // Each delay is at least 75 % of the bound, so that clients spread out but none retries at once.
  const socketBackoff = newBackoff(options.socketRetry ?? 15_000, 600_000, () => 0.75 + Math.random() / 4);
  let closed = false;
  /** True after a token was rejected as revoked, until a connection opens with a newly fetched token. */
  let afterRevoked = false;
  /** A WebSocket that is being tried while a stream is in use. */
  let standby: Connection | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let endWait = () => {};
  const self: ReconnectLoop = { connection: undefined, waiting: false, run, opened, wake, close };
  return self;

  async function run(): Promise<void> {
    while (!closed) {
      const began = performance.now();
      const reason = await session();
      self.connection = undefined;
      scheduleSocket(false);
      if (closed) return;
      const { error, opened, delay } = reason;
      if (opened) afterRevoked = false;
      // A user who signs out and in again within one second gets a token that counts as issued before the sign-out.
      // A token that is fetched a second later does not.
      if (error?.code === "revoked" && context.renewable && !afterRevoked) {
        afterRevoked = true;
        await wait(REVOKED_RETRY_MS);
        continue;
      }
      const unauthorized = isUnauthorized(error);
      if (error && (isFinal(error) || (unauthorized && !context.renewable))) return context.close(error);
      // An expired token is not reported, because a new token is fetched.
      const expired = unauthorized && opened;
      if (error && !expired) context.report(error);
      if (opened && performance.now() - began > STABLE_MS) backoff.reset();
      // A draining server gives each client a different delay. The delay in an error is the same for all clients, so
      // jitter is added.
      const jitter = expired || (opened && delay !== undefined) ? 0 : backoff.next();
      await wait(expired ? 0 : (delay ?? 0) + jitter);
    }
  }

  function opened(connection: Connection): void {
    const previous = self.connection;
    self.connection = connection;
    if (connection.kind === "websocket") socketBackoff.reset();
    if (previous !== connection) previous?.end();
    scheduleSocket(connection.kind === "event-stream" && transport === undefined);
    context.changed();
  }

  function wake(moved: boolean): void {
    if (self.waiting) return endWait();
    self.connection?.check(moved);
    if (moved && retryTimer !== undefined) trySocket();
  }

  function close(): void {
    closed = true;
    scheduleSocket(false);
    self.connection?.end();
    endWait();
  }

  /** Runs one connection from start to end: a WebSocket or, if the WebSocket does not open, a stream. */
  async function session(): Promise<CloseReason> {
    let reason: CloseReason = {};
    if (transport !== "event-stream") reason = await runConnection(webSocketTransport);
    // A browser hides why a handshake failed. The response to an HTTP request tells whether the problem is a proxy, the
    // token or the server.
    if (!reason.opened && transport !== "websocket" && !closed) reason = await runConnection(streamTransport);
    return reason;
  }

  async function runConnection(open: typeof webSocketTransport): Promise<CloseReason> {
    try {
      const token = await context.token();
      if (closed) return {};
      let connection: Connection = (self.connection = open(context, token));
      context.changed();
      for (;;) {
        const reason = await connection.ended;
        // A WebSocket may have replaced the stream.
        if (self.connection === connection || closed) return reason;
        connection = self.connection;
      }
    } catch (error) {
      // The token function failed, or the URL is invalid.
      return { error: toError(error) };
    }
  }

  function wait(ms: number): Promise<void> {
    self.waiting = true;
    context.changed();
    return new Promise((resolve) => {
      const timer = setTimeout(() => endWait(), ms);
      endWait = () => {
        clearTimeout(timer);
        self.waiting = false;
        context.changed();
        resolve();
      };
    });
  }

  /** Schedules an attempt to replace the stream with a WebSocket, or cancels the attempt. */
  function scheduleSocket(wanted: boolean): void {
    clearTimeout(retryTimer);
    retryTimer = undefined;
    if (wanted) {
      retryTimer = setTimeout(() => trySocket(), socketBackoff.next());
      return;
    }
    if (standby !== self.connection) standby?.end();
    standby = undefined;
  }

  function trySocket(): void {
    scheduleSocket(false);
    const attempt = async () => {
      const token = await context.token();
      if (self.connection?.kind !== "event-stream") return;
      const socket = (standby = webSocketTransport(context, token));
      await socket.ended;
      if (standby === socket) scheduleSocket(true);
    };
    // If the token function fails, the stream continues, and the next attempt fetches again.
    attempt().catch(() => scheduleSocket(self.connection?.kind === "event-stream"));
  }
}

/** True if the token is missing, invalid or expired. */
function isUnauthorized({ code, status }: Partial<ThumpError> = {}): boolean {
  return status === 401 || code === "unauthorized";
}

/** True if a retry cannot succeed: a revoked token, a disallowed origin, or a removal (close code 4403, no HTTP status). */
function isFinal({ code, status }: ThumpError): boolean {
  return code === "revoked" || code === "origin" || (code === "forbidden" && !status);
}
