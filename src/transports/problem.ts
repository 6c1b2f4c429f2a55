// Errors over HTTP: application/problem+json (RFC 9457) with a stable `code`.
import type { Hub } from "../hub/hub.ts";
import { ThumpError } from "../protocol/codes.ts";

/** Turns whatever was thrown into what a client may see of it, and counts it. Faults of ours are logged, not shown. */
export function toThumpError(hub: Hub, thrown: unknown): ThumpError {
  let error = thrown;
  if (!(error instanceof ThumpError)) {
    hub.journal.fault("internal error", error);
    error = new ThumpError("internal", "Something went wrong in the server. It has been logged.");
  }
  const known = error as ThumpError;
  hub.stats.rejected(known.code);
  return known;
}

/** The error as a response. */
export function problem(hub: Hub, thrown: unknown): Response {
  const { code, status, message, errors } = toThumpError(hub, thrown);
  const body = {
    type: "about:blank",
    title: code,
    status,
    code,
    detail: message,
    ...(errors ? { errors } : {}),
  };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (code === "draining") headers["retry-after"] = "1";
  return new Response(JSON.stringify(body), { status, headers });
}
