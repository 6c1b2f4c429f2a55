// What operators find beside the rooms: whether it lives, whether it is ready, its metrics, its description.
import { Elysia } from "elysia";
import { isLoopback } from "../access/origin.ts";
import { openapiPage } from "../console/openapi-page.ts";
import { ThumpError } from "../protocol/codes.ts";
import type { Engine } from "./engine.ts";
import { createMetrics } from "./metrics.ts";
import { describe } from "./openapi.ts";

/** What a proxy adds: who comes through one does not come from this machine, whatever the connection says. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** The routes of the server that are not about rooms. */
export function operatorRoutes(engine: Engine) {
  const description = describe(engine.settings);
  const app = new Elysia({ name: "thump-operate", seed: engine })
    .get("/healthz", () => Response.json({ status: "ok" }))
    .get("/readyz", () =>
      engine.unready
        ? Response.json({ status: engine.unready }, { status: 503 })
        : Response.json({ status: "ready" }),
    )
    .get("/openapi.json", () => Response.json(description))
    .get("/openapi", () => openapiPage(description));
  return engine.settings.metrics === "off" ? app : app.use(metricsRoute(engine));
}

function metricsRoute(engine: Engine) {
  const registry = createMetrics(engine);
  return new Elysia({ name: "thump-metrics", seed: engine }).get(
    engine.settings.metricsPath,
    async ({ request, server }) => {
      // Not by a page that gave its own name this machine's address either.
      engine.origins.check(request);
      if (engine.settings.metrics === "loopback" && !isLocal(request, server?.requestIP(request)?.address)) {
        throw new ThumpError("forbidden", "Metrics are for programs on this machine. See --metrics.");
      }
      const headers = { "content-type": registry.contentType, "cache-control": "no-store" };
      return new Response(await registry.metrics(), { headers });
    },
  );
}

function isLocal(request: Request, address = ""): boolean {
  return isLoopback(address.replace(/^::ffff:/, "")) && !FORWARDED.some((name) => request.headers.has(name));
}
