// The Elysia plugin: Thump's routes, in the user's app or in the standalone server.
import type { Server } from "bun";
import { type AnyElysia, Elysia, type ElysiaConfig } from "elysia";
import type { Principal } from "../auth/principal.ts";
import { authenticate } from "../service/authenticate.ts";
import { addressKeyOf } from "../limits/client-address.ts";
import { consolePage } from "../console/console-page.ts";
import { ThumpError } from "../protocol/codes.ts";
import { listRooms } from "../transports/http/list-rooms.ts";
import type { HandlerResult, Handler } from "../transports/http/handler-context.ts";
import { readPathNames } from "../transports/http/path-names.ts";
import { endSession, endUserSessions, revokeTokens } from "../transports/http/operator-actions.ts";
import { clientGone } from "../transports/open-session.ts";
import { publishBatch } from "../transports/http/publish-batch.ts";
import { errorResponse } from "../transports/http/error-response.ts";
import * as rooms from "../transports/http/room-routes.ts";
import { describeSession, listSessions } from "../transports/http/list-sessions.ts";
import { allowPage, preflight } from "./cors.ts";
import type { ServerCore } from "./server-core.ts";
import { coreOf, ThumpServer } from "./thump-server.ts";
import { Lifecycle } from "./lifecycle.ts";
import { checkOptions } from "./config/options-schema.ts";
import type { Options } from "./config/options.ts";
import { resolveOptions } from "./config/settings.ts";
import { checkLocal, type RequestSource, sourceOf } from "./exposure.ts";
import { rulesRoute } from "./effective-rules.ts";

/** Whether a successful response to the GET request would be an event stream. */
type AsksForEvents = (request: Request) => boolean;

/** Routes that answer preflight requests. Browsers send none before a WebSocket handshake. */
const PREFLIGHT_PATHS = [
  "/rules",
  "/rooms",
  "/rooms/:room",
  "/rooms/:room/members",
  "/rooms/:room/history",
  "/events",
  "/publish",
  "/revoke",
  "/sessions",
  "/sessions/:id",
  "/users/:user/sessions",
];

interface Context {
  request: Request;
  server: Server<unknown> | null;
  /** Pattern of the route, including all prefixes. */
  route: string;
}

/**
 * Elysia plugin that adds Thump's routes to an app. The app's routes publish with `thump.publish(room, data)` from
 * their context; other code uses `app.decorator.thump`. Use the plugin on the app that listens, because the plugin sets
 * WebSocket limits that lossless fan-out requires.
 * @param options all fields are optional; those marked "Server only" or "`thump` command only" have no effect
 * @returns the plugin, for `app.use()`
 * @throws OptionsError if an option is invalid
 * @throws StoreError if the data file or its folder cannot be used
 * @throws ThumpError `internal`, from `app.use()`, if the app's `websocket` options would lose messages
 * @example new Elysia().use(thump({ rooms: { "chat:*": { presence: true } } })).listen(3000);
 */
export function thump(options: Options = {}) {
  const settings = resolveOptions(checkOptions(options, "thump()"));
  return mount(new ThumpServer(settings), settings.signals);
}

/** Returns the plugin for a server. @param signals whether to stop the app on SIGTERM */
export function mount(thump: ThumpServer, signals = false) {
  const core = coreOf(thump);
  const routes = createRoutes(thump, signals);
  // The return type contains only the added routes and decorators; `use` merges them into the app's type.
  return (app: AnyElysia): ReturnType<typeof createRoutes> => {
    const { limit } = core.socketLimits;
    core.routedByBun = isRoutedByBun(app.config);
    const given = app.config.websocket ?? {};
    if ((given.backpressureLimit ?? limit) < limit || given.closeOnBackpressureLimit) {
      throw new ThumpError(
        "internal",
        `websocket.backpressureLimit must be at least ${limit}, without closeOnBackpressureLimit: otherwise messages are lost.`,
      );
    }
    // Bun closes the connection if a frame exceeds this size. Smaller frames that exceed `maxMessage` get a specific
    // error code.
    const maxPayloadLength = Math.max(given.maxPayloadLength ?? 0, core.settings.maxMessage * 4);
    // All sockets share one compressor and keep no context between frames, so compression needs no per-session memory.
    const deflate = { compress: "shared", decompress: "shared" } as const;
    const perMessageDeflate = core.settings.compression ? { perMessageDeflate: deflate } : {};
    app.config.websocket = { backpressureLimit: limit, ...perMessageDeflate, ...given, maxPayloadLength };
    core.service.idleTime = app.config.serve?.idleTimeout ?? Math.ceil(core.settings.headTime / 1000);
    return app.use(routes);
  };
}

function createRoutes(thump: ThumpServer, signals: boolean) {
  const core = coreOf(thump);
  const on = (handler: Handler) => guarded(core, handler, false);
  /** Routes that start a session or read a room. */
  const counted = (handler: Handler, asksForEvents?: AsksForEvents) =>
    guarded(core, handler, true, asksForEvents);
  /** Like `counted`, but refused while the server drains. */
  const start = (handler: Handler, asksForEvents?: AsksForEvents) =>
    counted((http) => {
      if (core.draining)
        throw new ThumpError("draining", "The server is shutting down. Try again in a moment.");
      return handler(http);
    }, asksForEvents);
  const raw = { parse: "none" } as const;
  const lifecycle = new Lifecycle(core, signals);
  core.onAttach = () => lifecycle.begin();
  const routes = new Elysia({ name: "thump", seed: core.seed, prefix: core.settings.prefix })
    .decorate("thump", thump)
    // Elysia implements `parse: "none"` only for compiled routes. With `aot: false` it would read the body first.
    .parser("none", ({ request }) => request)
    .onStart((app) => {
      lifecycle.app = app as AnyElysia;
      core.routedByBun = isRoutedByBun(app.config);
      if (app.server) core.attach(app.server);
    })
    .onStop(() => lifecycle.end())
    .get("/rules", on(rulesRoute(core)))
    .get("/rooms", on(listRooms))
    .post("/rooms/:room", on(rooms.publish), raw)
    .get("/rooms/:room", start(rooms.getRoom, rooms.asksForEvents))
    .get("/rooms/:room/members", counted(rooms.listMembers))
    .delete("/rooms/:room/history", on(rooms.forgetHistory))
    .get(
      "/events",
      start(rooms.streamRooms, () => true),
    )
    .post(
      "/events",
      start((http) => rooms.openMultiplexedStream(http, core.settings.maxBody)),
      raw,
    )
    .get("/ws", start(rooms.openMultiplexedSocket))
    .post(
      "/publish",
      on((http) => publishBatch(http, core.settings.maxBody)),
      raw,
    )
    .get("/sessions", on(listSessions))
    .get("/sessions/:id", on(describeSession))
    .delete("/sessions/:id", on(endSession))
    .delete("/users/:user/sessions", on(endUserSessions))
    .post("/revoke", on(revokeTokens), raw);
  for (const path of PREFLIGHT_PATHS)
    routes.options(path, (context) => {
      const { request, server, route } = context;
      const direct = isDirect(core, server, sourceOf(core, request, server));
      return preflight(core, request, () => readPathNames(request, route, direct));
    });
  if (core.settings.console)
    routes.get("/console", ({ request }) => consolePage(request, core.authenticator.isConfigured));
  return routes;
}

/** Whether a listening app registers its routes with Bun's router. */
function isRoutedByBun({ aot, systemRouter }: ElysiaConfig<string>): boolean {
  return aot !== false && systemRouter !== false;
}

/** Whether Bun's router has matched the request. Requests created by app code do not pass through the router. */
function isDirect(
  { routedByBun }: ServerCore,
  server: Server<unknown> | null,
  { fromBun }: RequestSource,
): boolean {
  return routedByBun && server !== null && fromBun;
}

/**
 * Wraps the handler of a route: checks origin and path, authenticates, turns errors into problem responses, and adds CORS
 * headers.
 * @param counted whether requests pass through the connection throttle and count against the `connects` rate limit.
 * Before the token is verified, the address's limit applies; afterwards, the user's or key's
 * @param asksForEvents determines the form of a temporary refusal (`errorResponse`)
 */
function guarded(
  core: ServerCore,
  handler: Handler,
  counted: boolean,
  asksForEvents: AsksForEvents = () => false,
) {
  const { service, origins, connectionThrottle } = core;
  const answer = ({ request, server, route }: Context): HandlerResult | Promise<HandlerResult> => {
    let origin: string | undefined;
    const allow = (response: HandlerResult): HandlerResult =>
      origin === undefined || !response ? response : allowPage(core, response, origin);
    const fail = (error: unknown): HandlerResult =>
      allow(errorResponse(service, error, request.method === "GET" && asksForEvents(request)));
    try {
      // Elysia does not call a plugin's `onStart` inside a group.
      if (server && core.server !== server) core.attach(server);
      const source = sourceOf(core, request, server);
      const { address, local } = source;
      origin = origins.check(request);
      checkLocal(core, source);
      const names = readPathNames(request, route, isDirect(core, server, source));
      const addressKey = local ? undefined : addressKeyOf(address);
      const handle = (principal: Principal) => {
        if (counted) service.limiter.take({ principal }, "connects");
        // An API key's address belongs to a backend that acts for many users.
        const limitKey = principal.kind === "key" ? undefined : addressKey;
        const webPage =
          origin === undefined ? undefined : { origin, host: request.headers.get("host") ?? "" };
        const context = { principal, address, addressKey: limitKey, local, webPage };
        return handler({ service, request, server: source.server, context, names });
      };
      const principal = authenticate(service, request, origins, addressKey, counted);
      const afterwards = (identified: Principal) =>
        counted && request.signal.aborted ? clientGone() : handle(identified);
      const response = principal instanceof Promise ? principal.then(afterwards) : handle(principal);
      if (response instanceof Promise) return response.then(allow, fail);
      return allow(response);
    } catch (error) {
      return fail(error);
    }
  };
  if (!counted) return answer;
  return (context: Context) => {
    const { signal } = context.request;
    return connectionThrottle.run(
      () => answer(context),
      () => signal.aborted,
      clientGone,
    );
  };
}
