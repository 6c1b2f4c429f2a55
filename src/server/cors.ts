// What web pages of other origins may send and read (Fetch standard, CORS): one list each.
import { problem } from "../transports/http/problem.ts";
import type { ServerCore } from "./server-core.ts";

const ALLOWED_METHODS = "GET, POST, DELETE";
/** Every request header that a route reads and that a page cannot send unasked. */
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
/** Every response header that says more than the body does. */
export const RESPONSE_HEADERS = ["retry-after", "thump-error", "www-authenticate"];

const ALLOWED_HEADERS = REQUEST_HEADERS.join(", ");
const EXPOSED_HEADERS = RESPONSE_HEADERS.join(", ");

/** Lets a page read a response. @param origin the page's, once it is known to be allowed */
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
 * Answers what a browser asks before it sends JSON, DELETE or a header of ours from another origin. It sends no
 * credentials with that: who asks is not looked at, and nobody's rate is charged.
 *
 * @param checkPath throws where the request's path is none of the route
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
