// Requests to the server, and what it says when it refuses one.
import { type ThumpError, type ErrorFrame, errorFromFrame } from "./client-errors.ts";
import type { ConnectionContext } from "./connection.ts";

/** The server said no, about what was asked for: another time it would be the same. */
export function isLasting(error: unknown): error is ThumpError {
  const { status = 500 } = error as ThumpError;
  return status < 500 && ![401, 408, 429].includes(status);
}

/** @throws ThumpError where the answer is a no, or what `fetch` throws when there is none */
export async function request(
  context: ConnectionContext,
  token: string | undefined,
  path: string,
  signal: AbortSignal,
  body?: string,
): Promise<Response> {
  const { credentials } = context.options;
  const response = await context.fetch(context.base + path, {
    cache: "no-store",
    signal,
    ...(credentials && { credentials }),
    ...(body && { method: "POST", body }),
    headers: {
      // Bun's `fetch` loses the end of a gzip stream, as it has no trailer; browsers choose for themselves.
      "accept-encoding": "identity",
      ...(body && { "content-type": "application/json" }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
  });
  if (response.ok) return response;
  const told = (await response.json().catch(() => ({}))) as ErrorFrame;
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  throw errorFromFrame({ retry: seconds >= 0 ? seconds * 1000 : undefined, ...told }, response.status);
}
