// The Elysia plugin: Thump's routes, inside somebody's own app or under our server.
import type { Server } from "bun";
import { type AnyElysia, Elysia, type ElysiaConfig } from "elysia";
import type { Asker, Caller } from "../access/caller.ts";
import type { Door } from "../access/door.ts";
import { identify } from "../access/identify.ts";
import { networkOf } from "../access/network.ts";
import { isLoopback } from "../access/origin.ts";
import { consolePage } from "../console/console.ts";
import { ThumpError } from "../protocol/codes.ts";
import { listRooms } from "../transports/list-rooms.ts";
import { type Names, readNames } from "../transports/path.ts";
import { endSession, endUserSessions, revoke } from "../transports/operate.ts";
import { gone } from "../transports/open.ts";
import { publishBatch } from "../transports/publish-batch.ts";
import { refuse } from "../transports/refusal.ts";
import * as rooms from "../transports/rooms.ts";
import { describeSession, listSessions } from "../transports/sessions.ts";
import { Engine } from "./engine.ts";
import { startFeed } from "./feed.ts";
import { checkOptions, type Options, resolveOptions } from "./options.ts";
import { checkLocal, isLocal, isSettled } from "./reach.ts";
import { rulesRoute } from "./rule-text.ts";
import { setUserTimeout } from "./user-timeout.ts";

type Handler = (
  door: Door,
  request: Request,
  server: Server<unknown> | null,
  asker: Asker,
  names: Names,
) => Answer | Promise<Answer>;
/** Whether a successful response to the GET request would be an event stream. */
type AsksForEvents = (request: Request) => boolean;
/** Nothing where the request has become a socket. */
type Answer = Response | undefined;

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
  const engine = new Engine(resolveOptions(checkOptions(options, "thump()")));
  // Where the app listens is not ours to choose. Without a secret it is only this machine that is answered.
  engine.localOnly = !isSettled(engine.settings);
  return mount(engine);
}

/** The plugin of an engine. */
export function mount(engine: Engine) {
  const routes = createRoutes(engine);
  // Typed as what it adds: `use` puts that together with what the app has.
  return (app: AnyElysia): ReturnType<typeof createRoutes> => {
    const { limit } = engine.bounds;
    engine.routedByBun = isRoutedByBun(app.config);
    const given = app.config.websocket ?? {};
    if ((given.backpressureLimit ?? limit) < limit || given.closeOnBackpressureLimit) {
      throw new ThumpError(
        "internal",
        `websocket.backpressureLimit must be at least ${limit}, without closeOnBackpressureLimit: below it messages are lost.`,
      );
    }
    // Frames of up to four times the limit are read, so that they can be refused by name.
    const maxPayloadLength = Math.max(given.maxPayloadLength ?? 0, engine.settings.maxMessage * 4);
    // One compressor for all sockets, and nothing remembered between frames: no memory a session.
    const deflate = { compress: "shared", decompress: "shared" } as const;
    const perMessageDeflate = engine.settings.compression ? { perMessageDeflate: deflate } : {};
    app.config.websocket = { backpressureLimit: limit, ...perMessageDeflate, ...given, maxPayloadLength };
    engine.door.idleTime = app.config.serve?.idleTimeout ?? Math.ceil(engine.settings.headTime / 1000);
    return app.use(routes);
  };
}

function createRoutes(engine: Engine) {
  const on = (handler: Handler) => guarded(engine, handler, false);
  /** Starts a session, or reads a room: that is counted. */
  const counted = (handler: Handler, asksForEvents?: AsksForEvents) =>
    guarded(engine, handler, true, asksForEvents);
  /** The same, but not while the server drains. */
  const start = (handler: Handler, asksForEvents?: AsksForEvents) =>
    counted((...given) => {
      if (engine.draining)
        throw new ThumpError("draining", "The server is about to stop. Try again in a moment.");
      return handler(...given);
    }, asksForEvents);
  const raw = { parse: "none" } as const;
  let stopFeed = () => {};
  const routes = new Elysia({ name: "thump", seed: engine.seed, prefix: engine.settings.prefix })
    .decorate("thump", engine)
    .onStart(({ server, config }) => {
      attachServer(engine, server);
      engine.routedByBun = isRoutedByBun(config);
      if (!engine.settings.console) return;
      stopFeed = startFeed(engine);
      engine.onClose(stopFeed);
    })
    .onStop(() => {
      stopFeed();
      engine.hub.stop();
    })
    .get("/rules", on(rulesRoute(engine)))
    .get("/rooms", on(listRooms))
    .post("/rooms/:room", on(rooms.publish), raw)
    .get("/rooms/:room", start(rooms.listen, rooms.asksForEvents))
    .get("/rooms/:room/members", counted(rooms.members))
    .delete("/rooms/:room/history", on(rooms.forget))
    .get(
      "/events",
      start(rooms.events, () => true),
    )
    .post(
      "/events",
      start((door, request, server, asker) =>
        rooms.multiplexedStream(door, request, server, asker, engine.settings.maxBody),
      ),
      raw,
    )
    .get("/ws", start(rooms.multiplexed))
    .post(
      "/publish",
      on((door, request, _, asker) => publishBatch(door, request, asker, engine.settings.maxBody)),
      raw,
    )
    .get("/sessions", on(listSessions))
    .get("/sessions/:id", on(describeSession))
    .delete("/sessions/:id", on(endSession))
    .delete("/users/:user/sessions", on(endUserSessions))
    .post("/revoke", on(revoke), raw)
    .options("/rules", on(preflight))
    .options("/rooms", on(preflight))
    .options("/rooms/:room", on(preflight))
    .options("/rooms/:room/members", on(preflight))
    .options("/rooms/:room/history", on(preflight))
    .options("/events", on(preflight))
    .options("/publish", on(preflight))
    .options("/revoke", on(preflight))
    .options("/sessions", on(preflight))
    .options("/sessions/:id", on(preflight))
    .options("/users/:user/sessions", on(preflight));
  if (engine.settings.console) routes.get("/console", ({ request }) => consolePage(request));
  return routes;
}

/** Whether an app that listens gives its routes to Bun. */
function isRoutedByBun({ aot, systemRouter }: ElysiaConfig<string>): boolean {
  return aot !== false && systemRouter !== false;
}

function attachServer(engine: Engine, server: Server<unknown> | null): void {
  if (!server) return;
  engine.hub.fanOut.publishToTopic = (topic, wire, compress) => server.publish(topic, wire, compress);
  // Where there are secrets, a name that points here by trickery brings no token along.
  const local = isLoopback(server.hostname ?? "");
  engine.origins.loopbackOnly = () => local && !engine.access.secured;
  // Streams as sockets: a client that gives no sign of life over two heartbeats is gone.
  if (server.port !== undefined) setUserTimeout(server.port, 2 * engine.hub.heartbeat.interval);
}

/**
 * What every route shares: origin and caller are settled, errors become problems, allowed pages may read.
 * @param counted it takes a `connects`: of the address before anybody looks at a token, of the others after it. And it
 * goes through the turnstile
 * @param asksForEvents decides how a temporary refusal is sent (`refuse`)
 */
function guarded(
  engine: Engine,
  handler: Handler,
  counted: boolean,
  asksForEvents: AsksForEvents = () => false,
) {
  const { door, origins, turnstile } = engine;
  const answer = ({ request, server, route }: Context): Answer | Promise<Answer> => {
    let origin: string | undefined;
    const allow = (response: Answer): Answer => {
      if (origin === undefined || !response) return response;
      response.headers.set("access-control-allow-origin", origin);
      response.headers.set("vary", "origin");
      if (door.access.settings.cookie !== undefined && origins.isListed(origin))
        response.headers.set("access-control-allow-credentials", "true");
      return response;
    };
    const fail = (error: unknown): Answer =>
      allow(refuse(door.hub, error, request.method === "GET" && asksForEvents(request)));
    try {
      const peer = server?.requestIP(request)?.address;
      const address = engine.proxies.addressOf(request, peer);
      if (engine.localOnly) checkLocal(address);
      origin = origins.check(request);
      // Requests that the app's own code creates pass no router.
      const direct = engine.routedByBun && (peer !== undefined || server?.url.protocol === "unix:");
      const names = readNames(request, route, direct);
      const network = networkOf(address);
      const local = isLocal(request, address);
      const handle = (caller: Caller) => {
        if (counted) door.limiter.take({ caller }, "connects");
        // An API key has users of many addresses behind it.
        const counts = caller.kind === "key" ? undefined : network;
        return handler(door, request, server, { caller, address, network: counts, local }, names);
      };
      const caller = identify(door, request, origins, network, counted);
      const later = (identified: Caller) => (counted && request.signal.aborted ? gone() : handle(identified));
      const response = caller instanceof Promise ? caller.then(later) : handle(caller);
      if (response instanceof Promise) return response.then(allow, fail);
      return allow(response);
    } catch (error) {
      return fail(error);
    }
  };
  if (!counted) return answer;
  return (context: Context) => {
    const passing = turnstile.pass(() => context.request.signal.aborted);
    return passing ? passing.then((passed) => (passed ? answer(context) : gone())) : answer(context);
  };
}

/** A browser asks before it sends JSON or DELETE from another origin (Fetch standard, CORS preflight). */
function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": "content-type, event, idempotency-key, last-event-id, authorization",
      "access-control-max-age": "600",
    },
  });
}
