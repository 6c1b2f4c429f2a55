// The Elysia plugin: Thump's routes, inside somebody's own app or under our server.
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

/** Browsers ask for these before they send what is not plain. A socket's handshake is always sent at once. */
const PAGES_ASK = [
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
  /** The pattern of the route, with every prefix. */
  route: string;
}

/**
 * Rooms for an Elysia app: `new Elysia().use(thump({ rooms: { … } })).listen(3000)`.
 * In the app's own routes `thump.publish("room", data)` publishes; outside of them `app.decorator.thump` does.
 * Use it on the app that listens: it sets the socket limits that lossless fan-out rests on.
 * @throws OptionsError when the options do not fit their schema
 */
export function thump(options: Options = {}) {
  const settings = resolveOptions(checkOptions(options, "thump()"));
  return mount(new ThumpServer(settings), settings.signals);
}

/** The plugin of a server. @param signals whether it stops the app on SIGTERM, as the server does with itself */
export function mount(thump: ThumpServer, signals = false) {
  const core = coreOf(thump);
  const routes = createRoutes(thump, signals);
  // Typed as what it adds: `use` puts that together with what the app has.
  return (app: AnyElysia): ReturnType<typeof createRoutes> => {
    const { limit } = core.socketLimits;
    core.routedByBun = isRoutedByBun(app.config);
    const given = app.config.websocket ?? {};
    if ((given.backpressureLimit ?? limit) < limit || given.closeOnBackpressureLimit) {
      throw new ThumpError(
        "internal",
        `websocket.backpressureLimit must be at least ${limit}, without closeOnBackpressureLimit: below it messages are lost.`,
      );
    }
    // Frames of up to four times the limit are read, so that they can be refused by name.
    const maxPayloadLength = Math.max(given.maxPayloadLength ?? 0, core.settings.maxMessage * 4);
    // One compressor for all sockets, and nothing remembered between frames: no memory a session.
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
  /** Starts a session, or reads a room: that is counted. */
  const counted = (handler: Handler, asksForEvents?: AsksForEvents) =>
    guarded(core, handler, true, asksForEvents);
  /** The same, but not while the server drains. */
  const start = (handler: Handler, asksForEvents?: AsksForEvents) =>
    counted((http) => {
      if (core.draining)
        throw new ThumpError("draining", "The server is about to stop. Try again in a moment.");
      return handler(http);
    }, asksForEvents);
  const raw = { parse: "none" } as const;
  const lifecycle = new Lifecycle(core, signals);
  core.onAttach = () => lifecycle.begin();
  const routes = new Elysia({ name: "thump", seed: core.seed, prefix: core.settings.prefix })
    .decorate("thump", thump)
    // Elysia knows "none" only for routes that it compiles. Without this, `aot: false` reads the body before we do.
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
  for (const path of PAGES_ASK)
    routes.options(path, (context) => {
      const { request, server, route } = context;
      const direct = isDirect(core, server, sourceOf(core, request, server));
      return preflight(core, request, () => readPathNames(request, route, direct));
    });
  if (core.settings.console)
    routes.get("/console", ({ request }) => consolePage(request, core.authenticator.isConfigured));
  return routes;
}

/** Whether an app that listens gives its routes to Bun. */
function isRoutedByBun({ aot, systemRouter }: ElysiaConfig<string>): boolean {
  return aot !== false && systemRouter !== false;
}

/** Whether Bun's router has matched a request. One that the app's own code creates passes no router. */
function isDirect(
  { routedByBun }: ServerCore,
  server: Server<unknown> | null,
  { fromBun }: RequestSource,
): boolean {
  return routedByBun && server !== null && fromBun;
}

/**
 * What every route shares: origin and caller are settled, errors become problems, allowed pages may read.
 * @param counted it takes a `connects`: of the address before anybody looks at a token, of the others after it. And it
 * goes through the connection throttle
 * @param asksForEvents decides how a temporary refusal is sent (`refuse`)
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
      // Elysia forgets what a group does at the start.
      if (server && core.server !== server) core.attach(server);
      const source = sourceOf(core, request, server);
      const { address, local } = source;
      origin = origins.check(request);
      checkLocal(core, source);
      const names = readPathNames(request, route, isDirect(core, server, source));
      const addressKey = local ? undefined : addressKeyOf(address);
      const handle = (principal: Principal) => {
        if (counted) service.limiter.take({ principal }, "connects");
        // An API key has users of many addresses behind it.
        const counts = principal.kind === "key" ? undefined : addressKey;
        const webPage =
          origin === undefined ? undefined : { origin, host: request.headers.get("host") ?? "" };
        const context = { principal, address, addressKey: counts, local, webPage };
        return handler({ service, request, server: source.server, context, names });
      };
      const principal = authenticate(service, request, origins, addressKey, counted);
      const later = (identified: Principal) =>
        counted && request.signal.aborted ? clientGone() : handle(identified);
      const response = principal instanceof Promise ? principal.then(later) : handle(principal);
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
