// Serves a test's app on a free port, and opens its streams as different kinds of clients.
import type { AnyElysia } from "elysia";
import { connect, type Socket } from "node:net";
import { cleanup } from "../support/cleanup.ts";
import { OpenStream } from "../support/streams.ts";

/** Serves an app until the test ends. Returns the app's URL. */
export function listen(app: AnyElysia): string {
  app.listen({ port: 0, hostname: "127.0.0.1" });
  cleanup(() => app.server && app.stop(true));
  return `http://127.0.0.1:${app.server?.port}`;
}

/** Opens a stream with fetch. */
export async function open(url: string, headers: Record<string, string> = {}): Promise<OpenStream> {
  const abort = new AbortController();
  cleanup(() => abort.abort());
  const response = await fetch(url, { headers, signal: abort.signal });
  return new OpenStream(response, abort);
}

/** Reads a stream to its end and returns the text. */
export async function textOf(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { headers });
  return response.text();
}

/** A client that sends a request and reads nothing until `resume()`. */
export function openUnread(url: string): Socket {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  cleanup(() => socket.destroy());
  return socket;
}
