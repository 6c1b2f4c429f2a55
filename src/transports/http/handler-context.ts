// HandlerContext: the argument of every HTTP handler.
import type { Server } from "bun";
import type { RequestContext } from "../../auth/principal.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { PathNames } from "./path-names.ts";

export interface HandlerContext {
  readonly service: RoomService;
  readonly request: Request;
  /** Bun's server, if the request came directly from it; null for a request made by code in the app. */
  readonly server: Server<unknown> | null;
  readonly context: RequestContext;
  /** The path parameters, decoded. */
  readonly names: PathNames;
}

/** Undefined if the request was upgraded to a WebSocket. */
export type HandlerResult = Response | undefined;

export type Handler = (http: HandlerContext) => HandlerResult | Promise<HandlerResult>;
