// The context of one HTTP request, as every handler receives it.
import type { Server } from "bun";
import type { RequestContext } from "../../auth/principal.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { PathNames } from "./path-names.ts";

export interface HandlerContext {
  readonly service: RoomService;
  readonly request: Request;
  /** Bun's server where the request comes straight from it; null where the app's own code made the request. */
  readonly server: Server<unknown> | null;
  readonly context: RequestContext;
  /** The path parameters, decoded. */
  readonly names: PathNames;
}

/** Undefined where the request has become a WebSocket. */
export type HandlerResult = Response | undefined;

export type Handler = (http: HandlerContext) => HandlerResult | Promise<HandlerResult>;
