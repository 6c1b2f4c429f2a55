// All the ways to access a server with a credential, and their outcomes.
import WS from "ws";
import { refusalOf } from "./answers.ts";
import { cleanup } from "./cleanup.ts";
import type { TestServer } from "./server.ts";

/**
 * The outcome of an attempt: 101 for a socket, 2xx for a stream or a response; otherwise the problem's status and code.
 * If an event stream reports a temporary error, the outcome is that error.
 */
export interface Outcome {
  status: number;
  code?: string;
  challenge?: string | null;
}

async function outcome(response: Response, abort: AbortController): Promise<Outcome> {
  if (response.headers.has("thump-error")) {
    const { status, code } = await refusalOf(response);
    return { status, code, challenge: null };
  }
  if (response.ok) {
    abort.abort();
    return { status: response.status };
  }
  const { code } = (await response.json()) as { code: string };
  return { status: response.status, code, challenge: response.headers.get("www-authenticate") };
}

/** Sends one request. Closes the response if it is a stream. */
export async function attempt(url: string, init: RequestInit = {}): Promise<Outcome> {
  const abort = new AbortController();
  return outcome(await fetch(url, { ...init, signal: abort.signal }), abort);
}

/** Performs one WebSocket handshake. */
export function shakeHands(
  url: string,
  headers: Record<string, string> = {},
  protocols: string[] = [],
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket = new WS(url, protocols, { headers });
    cleanup(() => socket.terminate());
    socket.once("open", () => resolve({ status: 101 }));
    socket.once("error", reject);
    socket.once("unexpected-response", (_request, response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += String(chunk)));
      response.on("end", () => {
        const { code } = JSON.parse(body) as { code: string };
        resolve({
          status: response.statusCode ?? 0,
          code,
          challenge: response.headers["www-authenticate"] ?? null,
        });
      });
    });
  });
}

export type WayIn = (server: TestServer, headers: Record<string, string>) => Promise<Outcome>;

const get =
  (path: string, accept = "application/json"): WayIn =>
  (server, headers) =>
    attempt(server.url + path, { headers: { accept, ...headers } });
const socket =
  (path: string): WayIn =>
  (server, headers) =>
    shakeHands(server.socket(path), headers);

/** Every way to access the room "r". */
export const WAYS_IN: Record<string, WayIn> = {
  "raw socket": socket("/rooms/r"),
  "multiplexed socket": socket("/ws?room=r"),
  "multiplexed socket without rooms": socket("/ws"),
  "event stream": get("/rooms/r", "text/event-stream"),
  ndjson: get("/rooms/r", "application/x-ndjson"),
  "event stream of several rooms": get("/events?room=r&room=s"),
  "multiplexed stream without rooms": (server, headers) =>
    attempt(`${server.url}/events`, { method: "POST", body: "[]", headers }),
  "long poll": get("/rooms/r?wait=0.001"),
  state: get("/rooms/r"),
  members: get("/rooms/r/members"),
  publish: (server, headers) => attempt(server.room("r"), { method: "POST", body: "x", headers }),
  batch: (server, headers) =>
    attempt(`${server.url}/publish`, { method: "POST", body: '[{"room":"r","data":1}]', headers }),
};
