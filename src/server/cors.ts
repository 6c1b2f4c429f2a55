// CORS (Fetch standard): the headers that pages from other origins may send and read.
import { problem } from "../transports/http/problem.ts";
import type { ServerCore } from "./server-core.ts";

const ALLOWED_METHODS = "GET, POST, DELETE";
/** Request headers that routes read and that a page may not send without a preflight. */
export const REQUEST_HEADERS = [
  "authorization",
  "content-encoding",
  "content-type",
  "event",
  "idempotency-key",
  "last-event-id",
  "traceparent",
  "tracestate",
];
/** Response headers with information that the body does not contain. */
export const RESPONSE_HEADERS = ["retry-after", "thump-error", "www-authenticate"];

const ALLOWED_HEADERS = REQUEST_HEADERS.join(", ");
const EXPOSED_HEADERS = RESPONSE_HEADERS.join(", ");

/** Adds the headers that let a page read the response. @param origin the page's origin, already checked */
export function allowPage({ service, origins }: ServerCore, response: Response, origin: string): Response {
  const { headers } = response;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  headers.set("vary", "origin");
  if (service.authenticator.settings.cookie !== undefined && origins.isListed(origin))
    headers.set("access-control-allow-credentials", "true");
  return response;
}

/**
 * Answers a preflight request. A browser sends one before a cross-origin request that contains JSON, uses DELETE, or
 * has a header from `REQUEST_HEADERS`. A preflight carries no credentials, so it is neither authenticated nor
 * rate-limited.
 * @param checkPath throws if the path is not valid for the route
 */
export function preflight(core: ServerCore, request: Request, checkPath: () => unknown): Response {
  try {
    const origin = core.origins.check(request);
    checkPath();
    const response = new Response(null, {
      status: 204,
      headers: {
        "access-control-allow-methods": ALLOWED_METHODS,
        "access-control-allow-headers": ALLOWED_HEADERS,
        "access-control-max-age": "600",
      },
    });
    return origin === undefined ? response : allowPage(core, response, origin);
  } catch (error) {
    return problem(core.service, error);
  }
}
