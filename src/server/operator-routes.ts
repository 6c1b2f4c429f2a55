// What operators find beside the rooms: whether it lives, whether it is ready, its metrics, its description.
import { Elysia } from "elysia";
import { openapiPage } from "../console/openapi-page.ts";
import type { ServerCore } from "./server-core.ts";
import { createRegistry } from "./metrics/metrics.ts";
import { describe } from "./openapi/openapi.ts";
import { sourceOf } from "./exposure.ts";

/** The routes of the server that are not about rooms. */
export function operatorRoutes(core: ServerCore) {
  const app = new Elysia({ name: "thump-operate", seed: core.seed })
    .get("/healthz", () => Response.json({ status: "ok" }))
    .get("/readyz", () =>
      core.unready
        ? Response.json({ status: core.unready }, { status: 503 })
        : Response.json({ status: "ready" }),
    )
    // A reload may change what it says.
    .get("/openapi.json", () => Response.json(describe(core.settings)))
    .get("/openapi", () => openapiPage(describe(core.settings)));
  return core.settings.metrics === "off" ? app : app.use(metricsRoute(core));
}

function metricsRoute(core: ServerCore) {
  const registry = createRegistry(core);
  return new Elysia({ name: "thump-metrics", seed: core.seed }).get(
    core.settings.metricsPath,
    async ({ request, server }) => {
      // Not by a page that gave its own name this machine's address either.
      core.origins.check(request);
      if (core.settings.metrics === "loopback" && !sourceOf(core, request, server).local)
        await checkReader(core, request);
      const headers = { "content-type": registry.contentType, "cache-control": "no-store" };
      return new Response(await registry.metrics(), { headers });
    },
  );
}

/** Programs elsewhere read metrics with an API key, also where all else is open. @throws ThumpError */
async function checkReader({ service, origins }: ServerCore, request: Request): Promise<void> {
  const principal = await service.authenticator.authenticate(request, origins);
  if (principal.operations.has("metrics")) return;
  throw service.authorizer.refusal(
    { principal },
    "Metrics are for programs on this machine, and for API keys that may read them. See --metrics.",
  );
}
