// Routes for operators: liveness, readiness, metrics and OpenAPI.
import { Elysia } from "elysia";
import { openapiPage } from "../console/openapi-page.ts";
import type { ServerCore } from "./server-core.ts";
import { createRegistry } from "./metrics/metrics.ts";
import { describe } from "./openapi/openapi.ts";
import { sourceOf } from "./exposure.ts";

/** Server only: an app that uses the plugin defines its own routes. */
export function operatorRoutes(core: ServerCore) {
  const app = new Elysia({ name: "thump-operate", seed: core.seed })
    .get("/healthz", () => Response.json({ status: "ok" }))
    .get("/readyz", () =>
      core.unready
        ? Response.json({ status: core.unready }, { status: 503 })
        : Response.json({ status: "ready" }),
    )
    // Created per request, because a reload may change the result.
    .get("/openapi.json", () => Response.json(describe(core.settings)))
    .get("/openapi", () => openapiPage(describe(core.settings)));
  return core.settings.metrics === "off" ? app : app.use(metricsRoute(core));
}

function metricsRoute(core: ServerCore) {
  const registry = createRegistry(core);
  return new Elysia({ name: "thump-metrics", seed: core.seed }).get(
    core.settings.metricsPath,
    async ({ request, server }) => {
      // Also protects against DNS rebinding, where a page's host name resolves to this machine.
      core.origins.check(request);
      if (core.settings.metrics === "loopback" && !sourceOf(core, request, server).local)
        await checkReader(core, request);
      const headers = { "content-type": registry.contentType, "cache-control": "no-store" };
      return new Response(await registry.metrics(), { headers });
    },
  );
}

/** Remote programs need an API key, even on a server that is otherwise open. @throws AuthError */
async function checkReader({ service, origins }: ServerCore, request: Request): Promise<void> {
  const principal = await service.authenticator.authenticate(request, origins);
  if (principal.operations.has("metrics")) return;
  throw service.authorizer.refusal(
    { principal },
    "Metrics are available to programs on this machine and to API keys with the permission metrics. See --metrics.",
  );
}
