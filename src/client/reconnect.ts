// Keeps a connection up: which way, when again after one ended, and when to change from a stream to a socket.
import { newBackoff } from "./backoff.ts";
import type { CloseReason } from "./close-reason.ts";
import { toError, type ThumpError } from "./client-errors.ts";
import type { ConnectionContext, Connection } from "./connection.ts";
import { webSocketTransport } from "./websocket-transport.ts";
import { streamTransport } from "./stream-transport.ts";

/** Tokens are revoked by the second in which they were issued: after this many ms a new one is of another. */
const REVOKED_RETRY_MS = 1100;
/** A connection that lasted so many ms was a good one. */
const STABLE_MS = 5000;

/** Whom it connects, and what is told of it. */
export interface ReconnectContext extends ConnectionContext {
  /** Something about the connection has changed. */
  changed(): void;
  /** There is no use in going on. */
  close(error: ThumpError): void;
}

/** A connection that is kept up. */
export interface ReconnectLoop {
  /** The connection in use, or being made. */
  connection: Connection | undefined;
  /** There is none: it will try again. */
  waiting: boolean;
  run(): Promise<void>;
  opened(connection: Connection): void;
  wake(moved: boolean): void;
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
  // Not all at once, but not at once either.
  const socketBackoff = newBackoff(options.socketRetry ?? 15_000, 600_000, () => 0.75 + Math.random() / 4);
  let closed = false;
  /** A token was refused as revoked, and another one is fetched. */
  let afterRevoked = false;
  /** A socket that is tried while a stream is in use. */
  let standby: Connection | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let goOn = () => {};
  const self: ReconnectLoop = { connection: undefined, waiting: false, run, opened, wake, close };
  return self;

  /** Connects, and again whenever that ends, until it is closed or there is no use. */
  async function run(): Promise<void> {
    while (!closed) {
      const began = performance.now();
      const reason = await session();
      self.connection = undefined;
      planSocket(false);
      if (closed) return;
      const { error, opened, delay } = reason;
      if (opened) afterRevoked = false;
      // A user who was signed out and signs in again within the same second gets a token that counts as issued before:
      // one that is fetched a second later does not.
      if (error?.code === "revoked" && context.renewable && !afterRevoked) {
        afterRevoked = true;
        await wait(REVOKED_RETRY_MS);
        continue;
      }
      const unauthorized = isUnauthorized(error);
      if (error && (isFinal(error) || (unauthorized && !context.renewable))) return context.close(error);
      // That a token has run out is nothing to tell of: there will be another.
      const expired = unauthorized && opened;
      if (error && !expired) context.report(error);
      if (opened && performance.now() - began > STABLE_MS) backoff.reset();
      // A drain spreads its clients itself; what a refusal says is the same for all.
      const jitter = expired || (opened && delay !== undefined) ? 0 : backoff.next();
      await wait(expired ? 0 : (delay ?? 0) + jitter);
    }
  }

  /** A link is in use: another one that was before it ends. */
  function opened(connection: Connection): void {
    const before = self.connection;
    self.connection = connection;
    if (connection.kind === "websocket") socketBackoff.reset();
    if (before !== connection) before?.end();
    planSocket(connection.kind === "event-stream" && transport === undefined);
    context.changed();
  }

  /** The network is another one (`moved`), or there was a long sleep. */
  function wake(moved: boolean): void {
    if (self.waiting) return goOn();
    self.connection?.check(moved);
    if (moved && retryTimer !== undefined) trySocket();
  }

  function close(): void {
    closed = true;
    planSocket(false);
    self.connection?.end();
    goOn();
  }

  /** One connection from beginning to end, by a socket or, where that comes to nothing, by streams. */
  async function session(): Promise<CloseReason> {
    let reason: CloseReason = {};
    if (transport !== "event-stream") reason = await live(webSocketTransport);
    // An answer to a request says why there is no socket: a proxy, a token, a server that is not there.
    if (!reason.opened && transport !== "websocket" && !closed) reason = await live(streamTransport);
    return reason;
  }

  async function live(way: typeof webSocketTransport): Promise<CloseReason> {
    try {
      const token = await context.token();
      if (closed) return {};
      let connection: Connection = (self.connection = way(context, token));
      context.changed();
      for (;;) {
        const reason = await connection.ended;
        // Another may have taken its place.
        if (self.connection === connection || closed) return reason;
        connection = self.connection;
      }
    } catch (error) {
      // Whoever supplies tokens failed, or the address is none.
      return { error: toError(error) };
    }
  }

  function wait(ms: number): Promise<void> {
    self.waiting = true;
    context.changed();
    return new Promise((resolve) => {
      const timer = setTimeout(() => goOn(), ms);
      goOn = () => {
        clearTimeout(timer);
        self.waiting = false;
        context.changed();
        resolve();
      };
    });
  }

  /** Whether a socket is to be tried beside the stream. */
  function planSocket(wanted: boolean): void {
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
    planSocket(false);
    const attempt = async () => {
      const token = await context.token();
      if (self.connection?.kind !== "event-stream") return;
      const socket = (standby = webSocketTransport(context, token));
      await socket.ended;
      if (standby === socket) planSocket(true);
    };
    // A token that cannot be had now may be next time; the stream goes on.
    attempt().catch(() => planSocket(self.connection?.kind === "event-stream"));
  }
}

/** The token is not, or no longer, good. */
function isUnauthorized({ code, status }: Partial<ThumpError> = {}): boolean {
  return status === 401 || code === "unauthorized";
}

/** It is no use to try again: revoked, a page that may not, or removed (without a request that was answered so). */
function isFinal({ code, status }: ThumpError): boolean {
  return code === "revoked" || code === "origin" || (code === "forbidden" && !status);
}
