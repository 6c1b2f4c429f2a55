// The whole server: the plugin, the demo page, health. What `bun run start` and the binary serve.
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
import { mount } from "./plugin.ts";
import { orOptionsError } from "./config/runtime-config.ts";
import { checkExposure } from "./exposure.ts";
import { CIPHERS, readTls } from "./config/tls.ts";

/** A running server. */
export interface RunningServer {
  thump: ThumpServer;
  host: string;
  port: number;
  /** Drains, then stops. */
  stop(): Promise<void>;
}

/** The settings of a server: with the demo come the rules that it needs. @throws OptionsError */
export function serverSettings(options: Options): Settings {
  const settings = resolveOptions(checkOptions(options, "options"));
  checkExposure(settings);
  // Last: rules of the operator's that fit the chat go before it.
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
  const nothing = () =>
    problem(service, new ThumpError("not-found", "There is nothing here. Rooms are at /rooms/<name>."));
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
    // Heartbeats are ours; Bun's own, at its slowest, is the net below them.
    websocket: { sendPings: false, idleTimeout: 960 },
  })
    .onError(({ code, error }) => (code === "NOT_FOUND" ? nothing() : problem(service, error)))
    .use(mount(thump))
    .use(operatorRoutes(core));
  if (settings.demo) app.get("/", () => demoPage());
  return app;
}

/** Starts a server. @throws OptionsError, StoreError, or Bun's error when it cannot listen */
export function serve(options: Options = {}): RunningServer {
  const settings = serverSettings(options);
  const thump = new ThumpServer(settings);
  const app = createApp(thump);
  try {
    app.listen({ hostname: settings.host, port: settings.port, reusePort: false });
  } catch (error) {
    // The folder of its file is free for another.
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
      // Requests that are being answered, and the last bytes of streams, have a moment to leave.
      await Promise.race([server.stop(), Bun.sleep(1000)]);
      await server.stop(true);
      await thump.close();
    },
  };
}
