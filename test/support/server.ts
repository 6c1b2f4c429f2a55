// Starts a server for one test, on a free port.
import { type Options, type RunningServer, serve } from "../../src/index.ts";
import type { ServerCore } from "../../src/server/server-core.ts";
import { coreOf } from "../../src/server/thump-server.ts";
import { cleanup } from "./cleanup.ts";

export interface TestServer extends Omit<RunningServer, "thump"> {
  /** The internals of the server, which its public handle hides. */
  thump: ServerCore;
  /** http://127.0.0.1:port, or https */
  url: string;
  /** The URL of a room. */
  room(name: string, query?: string): string;
  /** Returns a WebSocket URL. */
  socket(path: string): string;
  publish(room: string, body: string | Uint8Array, headers?: Record<string, string>): Promise<Response>;
}

/** Starts a server that stops when the test ends. */
export function startServer(options: Options = {}): TestServer {
  const running = serve({ port: 0, demo: false, console: false, drain: 0, ...options });
  const secure = options.tls ? "s" : "";
  const url = `http${secure}://127.0.0.1:${running.port}`;
  cleanup(() => running.stop());
  const room = (name: string, query = "") => `${url}/rooms/${encodeURIComponent(name)}${query}`;
  return {
    ...running,
    thump: coreOf(running.thump),
    url,
    room,
    socket: (path) => `ws${secure}://127.0.0.1:${running.port}${path}`,
    publish: (name, body, headers = {}) => fetch(room(name), { method: "POST", body, headers }),
  };
}
