// Problem documents: errors over HTTP as application/problem+json (RFC 9457), with a stable `code`.
import { AuthError } from "../../auth/auth-error.ts";
import type { ThumpError } from "../../protocol/codes.ts";
import type { RoomService } from "../../service/room-service.ts";

/** Counts an error and returns its response. See `RoomService.recordError`. */
export function problem(service: RoomService, thrown: unknown): Response {
  return problemResponse(service.recordError(thrown));
}

/** The response for an error that has already been counted. */
export function problemResponse(error: ThumpError): Response {
  const { code, status, retry } = error;
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (code === "draining" || code === "unavailable") headers["retry-after"] = "1";
  if (retry !== undefined) headers["retry-after"] = String(Math.ceil(retry / 1000));
  if (error instanceof AuthError) Object.assign(headers, challenge(error));
  return new Response(JSON.stringify(problemBody(error)), { status, headers });
}

/** The problem document of an error. */
export function problemBody({ code, status, message, errors, retry }: ThumpError): object {
  return {
    type: "about:blank",
    title: code,
    status,
    code,
    detail: message,
    ...(errors ? { errors } : {}),
    ...(retry === undefined ? {} : { retry }),
  };
}

/** The header that RFC 6750 §3 requires with a 401, and with a 403 that a different token would avoid. */
function challenge({ status, challenge: why, message }: AuthError): Record<string, string> {
  if (status !== 401 && why === undefined) return {};
  const description = message.replaceAll(/[^\x20-\x7e]|["\\]/g, "'");
  const words = why === undefined ? "" : `, error="${why}", error_description="${description}"`;
  return { "www-authenticate": `Bearer realm="thump"${words}` };
}
