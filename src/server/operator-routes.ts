// What operators find beside the rooms: whether it lives, whether it is ready, its metrics, its description.
import { Elysia } from "elysia";
import { openapiPage } from "../console/openapi-page.ts";
import type { ThumpServer } from "./thump-server.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { describe } from "./openapi/openapi.ts";
import { sourceOf } from "./exposure.ts";

/** The routes of the server that are not about rooms. */
export function operatorRoutes(thump: ThumpServer) {
  const app = new Elysia({ name: "thump-operate", seed: thump.seed })
    .get("/healthz", () => Response.json({ status: "ok" }))
    .get("/readyz", () =>
      thump.unready
        ? Response.json({ status: thump.unready }, { status: 503 })
        : Response.json({ status: "ready" }),
    )
    // A reload may change what it says.
    .get("/openapi.json", () => Response.json(describe(thump.settings)))
    .get("/openapi", () => openapiPage(describe(thump.settings)));
  return thump.settings.metrics === "off" ? app : app.use(metricsRoute(thump));
}

function metricsRoute(thump: ThumpServer) {
  const registry = createMetrics(thump);
  return new Elysia({ name: "thump-metrics", seed: thump.seed }).get(
    thump.settings.metricsPath,
    async ({ request, server }) => {
      // Not by a page that gave its own name this machine's address either.
      thump.origins.check(request);
      if (thump.settings.metrics === "loopback" && !sourceOf(thump, request, server).local)
        await checkReader(thump, request);
      const headers = { "content-type": registry.contentType, "cache-control": "no-store" };
      return new Response(await registry.metrics(), { headers });
    },
  );
}

/** Programs elsewhere read metrics with an API key, also where all else is open. @throws ThumpError */
async function checkReader({ service, origins }: ThumpServer, request: Request): Promise<void> {
  const principal = await service.authenticator.authenticate(request, origins);
  if (principal.operations.has("metrics")) return;
  throw service.authorizer.refusal(
    { principal },
    "Metrics are for programs on this machine, and for API keys that may read them. See --metrics.",
  );
}
