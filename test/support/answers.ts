// Reads the server's HTTP responses and checks their form.
import { expect } from "bun:test";
import type { Frame } from "./clients.ts";
import type { TestServer } from "./server.ts";

/** The body of `GET /rooms/:room`. */
export interface State {
  room: string;
  at: string;
  sessions: number;
  messages: Frame[];
  gap?: { after: string; at: string };
  more?: true;
}

/** Returns the room's state and messages. */
export async function stateOf(server: TestServer, room: string, query = ""): Promise<State> {
  const response = await fetch(server.room(room, query));
  expect(response.status).toBe(200);
  return (await response.json()) as State;
}

/** The data of the messages in a response. */
export function dataOf({ messages }: { messages: Frame[] }): unknown[] {
  return messages.map((message) => message["data"]);
}

/** Publishes and returns the message's cursor. */
export async function publishAt(
  server: TestServer,
  room: string,
  body: string | Uint8Array,
  headers?: Record<string, string>,
): Promise<string> {
  const response = await server.publish(room, body, headers);
  expect(response.status).toBe(201);
  return ((await response.json()) as { at: string }).at;
}

export interface Problem {
  status: number;
  code: string;
  detail: string;
  errors?: { path: string; message: string }[];
}

/** Reads an HTTP error: problem+json that contains the response's status. */
export async function problemOf(answer: Response | Promise<Response>): Promise<Problem> {
  const response = await answer;
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = (await response.json()) as Problem;
  expect(problem.status).toBe(response.status);
  expect(problem.detail.length).toBeGreaterThan(10);
  return problem;
}

/** Reads a temporary error on an event stream: status 200, so that an EventSource reconnects. Returns the problem. */
export async function refusalOf(response: Response): Promise<Problem & { retry: number }> {
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(response.headers.get("cache-control")).toContain("no-store");
  const [, line, data] =
    /^retry: ([0-9]+)\n\nevent: thump:error\ndata: (\{.*\})\n\n$/.exec(await response.text()) ?? [];
  const problem = JSON.parse(data ?? "{}") as Problem & { retry: number };
  expect(problem.retry).toBe(Number(line));
  expect(response.headers.get("thump-error")).toBe(problem.code);
  expect(response.headers.get("retry-after")).toBe(String(Math.ceil(problem.retry / 1000)));
  return problem;
}

/** Polls for a condition inside the server that no event signals. Resolves once the condition is true. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}
