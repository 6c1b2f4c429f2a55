// Responses to failed requests: problem documents; and event streams for temporary refusals of event streams.
import type { Code, ThumpError } from "../../protocol/codes.ts";
import { encodeOwnEvent, encodeRetry } from "../../protocol/event-stream.ts";
import { eventStream, type StreamFormat } from "../../protocol/formats.ts";
import type { RoomService } from "../../service/room-service.ts";
import { problemBody, problemResponse } from "./problem.ts";

/** The same request can succeed later. */
const TEMPORARY_CODES: ReadonlySet<Code> = new Set(["draining", "busy", "rate", "unavailable"]);
/** Reconnects are spread over these times, in ms: a server that was killed does not get all clients back at once. */
const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 5000;

/** When a client should reconnect, in ms: a random 1 to 5 seconds. @param after ms to wait before that */
export function spreadRetry(after = 0): number {
  return Math.ceil(after + MIN_RETRY_MS + Math.random() * (MAX_RETRY_MS - MIN_RETRY_MS));
}

/** Headers of every stream. */
export function streamHeaders({ contentType }: StreamFormat): Record<string, string> {
  return {
    "content-type": contentType,
    "cache-control": "no-store, no-transform",
    // nginx and similar proxies would hold events back to fill a buffer.
    "x-accel-buffering": "no",
  };
}

/**
 * Responds to a request that failed, and counts the error.
 * @param asksForEvents a success would have been an event stream. An EventSource gives up for good on every status
 * except 200 (WHATWG HTML §9.2.2), so a temporary refusal of one is a 200 that ends with an error event
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

/** The events of a temporary refusal: when to reconnect, and the problem document. */
export function errorEvents(error: ThumpError, retry = spreadRetry(error.retry)): string {
  const problem = { ...problemBody(error), retry };
  return encodeRetry(retry) + encodeOwnEvent("error", JSON.stringify(problem));
}
