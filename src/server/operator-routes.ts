// What operators find beside the rooms: whether it lives, whether it is ready, its metrics, its description.
import { Elysia } from "elysia";
import { openapiPage } from "../console/openapi-page.ts";
import type { Engine } from "./thump-server.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { describe } from "./openapi/openapi.ts";
import { sourceOf } from "./exposure.ts";

/** The routes of the server that are not about rooms. */
export function operatorRoutes(engine: Engine) {
  const app = new Elysia({ name: "thump-operate", seed: engine.seed })
    .get("/healthz", () => Response.json({ status: "ok" }))
    .get("/readyz", () =>
      engine.unready
        ? Response.json({ status: engine.unready }, { status: 503 })
        : Response.json({ status: "ready" }),
    )
    // A reload may change what it says.
    .get("/openapi.json", () => Response.json(describe(engine.settings)))
    .get("/openapi", () => openapiPage(describe(engine.settings)));
  return engine.settings.metrics === "off" ? app : app.use(metricsRoute(engine));
}

function metricsRoute(engine: Engine) {
  const registry = createMetrics(engine);
  return new Elysia({ name: "thump-metrics", seed: engine.seed }).get(
    engine.settings.metricsPath,
    async ({ request, server }) => {
      // Not by a page that gave its own name this machine's address either.
      engine.origins.check(request);
      if (engine.settings.metrics === "loopback" && !sourceOf(engine, request, server).local)
        await checkReader(engine, request);
      const headers = { "content-type": registry.contentType, "cache-control": "no-store" };
      return new Response(await registry.metrics(), { headers });
    },
  );
}

/** Programs elsewhere read metrics with an API key, also where all else is open. @throws ThumpError */
async function checkReader({ door, origins }: Engine, request: Request): Promise<void> {
  const caller = await door.access.identify(request, origins);
  if (caller.operations.has("metrics")) return;
  throw door.policy.refusal(
    { caller },
    "Metrics are for programs on this machine, and for API keys that may read them. See --metrics.",
  );
}
