// Errors over HTTP: application/problem+json (RFC 9457) with a stable `code`.
import { Refusal } from "../access/refusal.ts";
import { ThumpError } from "../protocol/codes.ts";

/** Turns whatever was thrown into what a client may see of it. Faults of ours are logged, not shown. */
export function toThumpError(error: unknown): ThumpError {
  if (error instanceof ThumpError) return error;
  console.error("thump: internal error:", error);
  return new ThumpError("internal", "Something went wrong in the server. It has been logged.");
}

/** The error as a response. */
export function problem(thrown: unknown): Response {
  const error = toThumpError(thrown);
  const { code, status, message, errors } = error;
  const body = {
    type: "about:blank",
    title: code,
    status,
    code,
    detail: message,
    ...(errors ? { errors } : {}),
  };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (code === "draining" || code === "unavailable") headers["retry-after"] = "1";
  if (error instanceof Refusal) Object.assign(headers, challenge(error));
  return new Response(JSON.stringify(body), { status, headers });
}

/** What RFC 6750 §3 wants beside a 401, and beside a 403 that a better token would spare. */
function challenge({ status, challenge: why, message }: Refusal): Record<string, string> {
  if (status !== 401 && why === undefined) return {};
  const description = message.replaceAll(/[^\x20-\x7e]|["\\]/g, "'");
  const words = why === undefined ? "" : `, error="${why}", error_description="${description}"`;
  return { "www-authenticate": `Bearer realm="thump"${words}` };
}
