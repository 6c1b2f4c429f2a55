// Errors over HTTP: application/problem+json (RFC 9457) with a stable `code`.
import { ThumpError } from "../protocol/codes.ts";

/** Turns whatever was thrown into what a client may see of it. Faults of ours are logged, not shown. */
export function toThumpError(error: unknown): ThumpError {
  if (error instanceof ThumpError) return error;
  console.error("thump: internal error:", error);
  return new ThumpError("internal", "Something went wrong in the server. It has been logged.");
}

/** The error as a response. */
export function problem(thrown: unknown): Response {
  const { code, status, message, errors } = toThumpError(thrown);
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
