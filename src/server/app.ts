// The whole server: the plugin, the demo page, health. What `bun run start` and the binary serve.
import { Elysia } from "elysia";
import { demoPage } from "../console/page.ts";
import { isLoopback } from "../access/origin.ts";
import { ThumpError } from "../protocol/codes.ts";
import { problem } from "../transports/problem.ts";
import { startTicker, TICKER, TICKER_RULE } from "./demo.ts";
import { Engine } from "./engine.ts";
import {
  checkOptions,
  knowsAnyone,
  type Options,
  OptionsError,
  resolveOptions,
  type Settings,
} from "./options.ts";
import { mount } from "./plugin.ts";

/** A running server. */
export interface Running {
  engine: Engine;
  host: string;
  port: number;
  /** Drains, then stops. */
  stop(): Promise<void>;
}

/** Starts a server. @throws OptionsError, or the engine's error when it cannot listen */
export function serve(options: Options = {}): Running {
  const settings = resolveOptions(checkOptions(options, "options"));
  checkReach(settings);
  if (settings.demo) settings.rooms = { [TICKER]: TICKER_RULE, ...settings.rooms };
  const engine = new Engine(settings);
  const app = new Elysia({
    serve: { maxRequestBodySize: Math.max(settings.maxBody, settings.maxMessage) * 4, development: false },
    // Heartbeats are ours; the engine's own, at its slowest, is the net below them.
    websocket: { sendPings: false, idleTimeout: 960 },
  })
    .use(mount(engine))
    .get("/healthz", () => Response.json({ status: "ok" }))
    .get("/readyz", () =>
      engine.draining
        ? Response.json({ status: "draining" }, { status: 503 })
        : Response.json({ status: "ready" }),
    )
    .onError(({ code, error }) =>
      problem(
        code === "NOT_FOUND"
          ? new ThumpError("not-found", "There is nothing here. Rooms are at /rooms/<name>.")
          : error,
      ),
    );
  if (settings.demo) app.get("/", () => demoPage());
  app.listen({ hostname: settings.host, port: settings.port, reusePort: false });
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

/** Others than this machine are let in when there is something to know them by, or when that is meant. */
function checkReach({ host, access, open, authorize }: Settings): void {
  if (isLoopback(host) || open || authorize || knowsAnyone(access)) return;
  throw new OptionsError(
    `on ${host} everyone who reaches this machine could listen and publish: give it a secret ` +
      "(THUMP_SECRET, or access in thump.config.ts), or say --open if that is meant",
  );
}
