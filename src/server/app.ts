// The whole server: the plugin, the demo page, health. What `bun run start` and the binary serve.
import { Elysia } from "elysia";
import { demoPage } from "../console/demo-page.ts";
import { ThumpError } from "../protocol/codes.ts";
import { problem } from "../transports/http/problem.ts";
import { CHAT, CHAT_RULE, startTicker, TICKER, TICKER_RULE } from "./demo.ts";
import { Engine } from "./thump-server.ts";
import { operatorRoutes } from "./operator-routes.ts";
import { checkOptions, type Options, resolveOptions, type Settings } from "./config/options.ts";
import { mount } from "./plugin.ts";
import { made } from "./config/runtime-config.ts";
import { checkReach } from "./exposure.ts";
import { CIPHERS, readTls } from "./config/tls.ts";

/** A running server. */
export interface Running {
  engine: Engine;
  host: string;
  port: number;
  /** Drains, then stops. */
  stop(): Promise<void>;
}

/** The settings of a server: with the demo come the rules that it needs. @throws OptionsError */
export function serverSettings(options: Options): Settings {
  const settings = resolveOptions(checkOptions(options, "options"));
  checkReach(settings);
  // Last: rules of the operator's that fit the chat go before it.
  const chat = Object.hasOwn(settings.rooms, CHAT) ? {} : { [CHAT]: CHAT_RULE };
  if (settings.demo) settings.rooms = { [TICKER]: TICKER_RULE, ...settings.rooms, ...chat };
  const { tls } = options;
  if (tls) settings.tls = made("tls", () => readTls(tls, Date.now()));
  return settings;
}

/** All routes of a server. */
export function createApp(engine: Engine) {
  const { settings } = engine;
  const { tls } = settings;
  const nothing = () =>
    problem(engine.hub, new ThumpError("not-found", "There is nothing here. Rooms are at /rooms/<name>."));
  const app = new Elysia({
    serve: {
      // Elysia would route again by the normalised path what Bun's router did not find by the raw one. A proxy in front
      // may have decided by the raw one.
      routes: { "/*": nothing },
      // Bun's own refusal is empty, and no page may read it. Routes refuse by size themselves, and Bun takes no more of a
      // body that no route reads.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // In whole seconds: who stops in the middle of a request, or of a handshake, is cut off.
      idleTimeout: Math.ceil(settings.headTime / 1000),
      // A browser holds six connections to a host, but any number of streams on one of HTTP/2.
      ...(tls ? { tls: { ...tls.pem, ciphers: CIPHERS }, http2: true } : {}),
    },
    // Heartbeats are ours; the engine's own, at its slowest, is the net below them.
    websocket: { sendPings: false, idleTimeout: 960 },
  })
    .onError(({ code, error }) => (code === "NOT_FOUND" ? nothing() : problem(engine.hub, error)))
    .use(mount(engine))
    .use(operatorRoutes(engine));
  if (settings.demo) app.get("/", () => demoPage());
  return app;
}

/** Starts a server. @throws OptionsError, StoreError, or the engine's error when it cannot listen */
export function serve(options: Options = {}): Running {
  const settings = serverSettings(options);
  const engine = new Engine(settings);
  const app = createApp(engine);
  try {
    app.listen({ hostname: settings.host, port: settings.port, reusePort: false });
  } catch (error) {
    // The folder of its file is free for another.
    void engine.close();
    throw error;
  }
  const { server } = app;
  if (!server) throw new Error("the server did not start");
  const stopTicker = settings.demo ? startTicker(engine) : () => {};
  return {
    engine,
    host: settings.host,
    port: server.port ?? settings.port,
    async stop() {
      stopTicker();
      await engine.drain();
      // Requests that are being answered, and the last bytes of streams, have a moment to leave.
      await Promise.race([server.stop(), Bun.sleep(1000)]);
      await server.stop(true);
      await engine.close();
    },
  };
}
