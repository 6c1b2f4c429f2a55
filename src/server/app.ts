// The standalone server: the plugin, the operator routes and the demo page in one Elysia app.
import { Elysia } from "elysia";
import { demoPage } from "../console/demo-page.ts";
import { ThumpError } from "../protocol/codes.ts";
import { problem } from "../transports/http/problem.ts";
import { CHAT, CHAT_RULE, startTicker, TICKER, TICKER_RULE } from "./demo.ts";
import { coreOf, ThumpServer } from "./thump-server.ts";
import { operatorRoutes } from "./operator-routes.ts";
import { checkOptions } from "./config/options-schema.ts";
import type { Options } from "./config/options.ts";
import { resolveOptions, type Settings } from "./config/settings.ts";
import { FLUSH_TIMEOUT_MS } from "./lifecycle.ts";
import { mount } from "./plugin.ts";
import { orOptionsError } from "./config/runtime-config.ts";
import { checkExposure } from "./exposure.ts";
import { CIPHERS, readTls } from "./config/tls.ts";

/** A running server. */
export interface RunningServer {
  /** Handle for publishing from code. */
  thump: ThumpServer;
  /** Address that the server listens on. */
  host: string;
  /** Port that the server listens on; the selected port if the option was 0. */
  port: number;
  /** Drains all sessions, then stops the server and closes the log. Resolves when everything is closed. */
  stop(): Promise<void>;
}

/** Validates options and fills in the defaults, including the demo's rules. @throws OptionsError */
export function serverSettings(options: Options): Settings {
  const settings = resolveOptions(checkOptions(options, "options"));
  checkExposure(settings);
  // The chat rule comes last, so that a configured rule that matches the chat room takes precedence.
  const chat = Object.hasOwn(settings.rooms, CHAT) ? {} : { [CHAT]: CHAT_RULE };
  if (settings.demo) settings.rooms = { [TICKER]: TICKER_RULE, ...settings.rooms, ...chat };
  const { tls } = options;
  if (tls) settings.tls = orOptionsError("tls", () => readTls(tls, Date.now()));
  return settings;
}

/** All routes of a server. */
export function createApp(thump: ThumpServer) {
  const core = coreOf(thump);
  const { settings, service } = core;
  const { tls } = settings;
  const notFound = () =>
    problem(service, new ThumpError("not-found", "There is nothing here. Rooms are at /rooms/<name>."));
  const app = new Elysia({
    serve: {
      // Rejects requests that Bun's router did not match. Elysia would match them again by their normalized path,
      // although a proxy may have authorized them based on the raw path.
      routes: { "/*": notFound },
      // Routes limit the body size themselves, because Bun's own 413 response is empty and pages from other origins
      // cannot read it. Bun does not receive a body that no route reads.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // In whole seconds. Bun closes connections that stall in the middle of a request or handshake.
      idleTimeout: Math.ceil(settings.headTime / 1000),
      // Browsers open at most six HTTP/1.1 connections per host; HTTP/2 carries many streams over one connection.
      ...(tls ? { tls: { ...tls.pem, ciphers: CIPHERS }, http2: true } : {}),
    },
    // Thump sends its own heartbeats. Bun's idle timeout is only the fallback, so it is set to its maximum.
    websocket: { sendPings: false, idleTimeout: 960 },
  })
    .onError(({ code, error }) => (code === "NOT_FOUND" ? notFound() : problem(service, error)))
    .use(mount(thump))
    .use(operatorRoutes(core));
  if (settings.demo) app.get("/", () => demoPage());
  return app;
}

/**
 * Starts a server that listens on `host` and `port`.
 * @param options all fields are optional; by default, the server accepts requests from this machine on port 3000
 * @throws OptionsError if an option is invalid
 * @throws StoreError if the data file or its folder cannot be used
 * @throws Error from Bun if it cannot listen, such as `EADDRINUSE`
 * @example const { thump, stop } = serve({ port: 8080, rooms: { "chat:*": { presence: true } } });
 */
export function serve(options: Options = {}): RunningServer {
  const settings = serverSettings(options);
  const thump = new ThumpServer(settings);
  const app = createApp(thump);
  try {
    app.listen({ hostname: settings.host, port: settings.port, reusePort: false });
  } catch (error) {
    // Releases the lock on the data folder.
    void thump.close();
    throw error;
  }
  const { server } = app;
  if (!server) throw new Error("the server did not start");
  const stopTicker = settings.demo ? startTicker(coreOf(thump)) : () => {};
  return {
    thump,
    host: settings.host,
    port: server.port ?? settings.port,
    async stop() {
      stopTicker();
      await thump.drain();
      await Promise.race([server.stop(), Bun.sleep(FLUSH_TIMEOUT_MS)]);
      await server.stop(true);
      await thump.close();
    },
  };
}
