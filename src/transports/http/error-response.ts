// Responses to failed requests: problem documents, or event streams for temporary errors on event-stream requests.
import type { Code, ThumpError } from "../../protocol/codes.ts";
import { encodeOwnEvent, encodeRetry } from "../../protocol/event-stream.ts";
import { eventStream, type StreamFormat } from "../../protocol/formats.ts";
import type { RoomService } from "../../service/room-service.ts";
import { problemBody, problemResponse } from "./problem.ts";

/** Errors after which the same request can succeed later. */
const TEMPORARY_CODES: ReadonlySet<Code> = new Set(["draining", "busy", "rate", "unavailable"]);
/** Reconnects are spread over this range, so that the clients of a killed server do not all return at once. */
const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 5000;

/** A random reconnect delay of 1 to 5 seconds, in ms. @param after added to the delay, in ms */
export function spreadRetry(after = 0): number {
  return Math.ceil(after + MIN_RETRY_MS + Math.random() * (MAX_RETRY_MS - MIN_RETRY_MS));
}

/** Headers of every stream. */
export function streamHeaders({ contentType }: StreamFormat): Record<string, string> {
  return {
    "content-type": contentType,
    "cache-control": "no-store, no-transform",
    // Without this, nginx and similar proxies delay events until a buffer is full.
    "x-accel-buffering": "no",
  };
}

/**
 * Counts an error and returns its response.
 * @param asksForEvents whether a successful response would be an event stream. `EventSource` stops reconnecting on any
 * status except 200 (WHATWG HTML §9.2.2), so a temporary error becomes a 200 response with an error event
 */
export function errorResponse(service: RoomService, thrown: unknown, asksForEvents: boolean): Response {
  const error = service.recordError(thrown);
  if (!asksForEvents || !TEMPORARY_CODES.has(error.code)) return problemResponse(error);
  const retry = spreadRetry(error.retry);
  return new Response(errorEvents(error, retry), {
    headers: {
      ...streamHeaders(eventStream),
      "retry-after": String(Math.ceil(retry / 1000)),
      "thump-error": error.code,
    },
  });
}

/** The events of a temporary error: the reconnect delay and the problem document. */
export function errorEvents(error: ThumpError, retry = spreadRetry(error.retry)): string {
  const problem = { ...problemBody(error), retry };
  return encodeRetry(retry) + encodeOwnEvent("error", JSON.stringify(problem));
}
