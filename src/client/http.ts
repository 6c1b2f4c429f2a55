// HTTP requests made by the stream transport, and their errors.
import { type ThumpError, type ErrorFrame, errorFromFrame } from "./client-errors.ts";
import type { ConnectionContext } from "./connection.ts";

/** True if a retry would fail with the same error: a 4xx status other than 401, 408 and 429. */
export function isLasting(error: unknown): error is ThumpError {
  const { status = 500 } = error as ThumpError;
  return status < 500 && ![401, 408, 429].includes(status);
}

/** @throws ThumpError on an error status; the error from `fetch` if there is no response */
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
      // Bun's `fetch` loses the end of a gzip stream that has no trailer. Browsers ignore this header.
      "accept-encoding": "identity",
      ...(body && { "content-type": "application/json" }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
  });
  if (response.ok) return response;
  const failure = (await response.json().catch(() => ({}))) as ErrorFrame;
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  throw errorFromFrame({ retry: seconds >= 0 ? seconds * 1000 : undefined, ...failure }, response.status);
}
