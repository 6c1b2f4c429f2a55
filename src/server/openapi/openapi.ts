// The OpenAPI document: every route of the server, for people and for tools.
import pkg from "../../../package.json" with { type: "json" };
import type { Description, ApiOperation } from "../../console/openapi-page.ts";
import { operatorPaths, serverPaths } from "./operator-paths.ts";
import { manyPaths, PROBLEM, roomPaths, words } from "./paths.ts";
import { schemas } from "./schemas.ts";
import { BY_KEY, BY_NOBODY, withSecurity } from "./security.ts";
import type { Settings } from "../config/settings.ts";

function metricsPath({ metrics, metricsPath }: Settings): Description["paths"] {
  if (metrics === "off") return {};
  const text = { "text/plain": words("The text format of Prometheus.") };
  const get: ApiOperation = {
    operationId: "metrics",
    summary: "Metrics for Prometheus",
    description:
      metrics === "anyone" ? "For everybody." : "For programs on the server's own machine, and for API keys.",
    security: metrics === "anyone" ? BY_NOBODY : [{}, ...BY_KEY],
    responses: { 200: { description: "All of them.", content: text }, ...PROBLEM },
  };
  return { [metricsPath]: { get } };
}

/** The document for a server with these settings. */
export function describe(settings: Settings): Description {
  const demo: ApiOperation = {
    operationId: "demo",
    summary: "The demo page",
    security: BY_NOBODY,
    responses: { 200: { description: "HTML.", content: { "text/html": words("A page.") } } },
  };
  const operators: ApiOperation = {
    operationId: "console",
    summary: "The console: a page for operators",
    description: "What it shows it asks for, with the API key that is typed into it.",
    security: BY_NOBODY,
    responses: { 200: { description: "HTML.", content: { "text/html": words("A page.") } } },
  };
  const description: Description = {
    openapi: "3.1.0",
    info: {
      title: "Thump",
      version: pkg.version,
      description: "A broadcast server. A room is a URL: POST to speak, GET to listen.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths: {
      ...prefixed(settings.prefix, { ...roomPaths, ...manyPaths, ...operatorPaths }),
      ...serverPaths,
      ...metricsPath(settings),
      ...(settings.console ? prefixed(settings.prefix, { "/console": { get: operators } }) : {}),
      ...(settings.demo ? { "/": { get: demo } } : {}),
    },
    components: { schemas },
  };
  return withSecurity(description, settings);
}

function prefixed(prefix: string, paths: Description["paths"]): Description["paths"] {
  return Object.fromEntries(Object.entries(paths).map(([path, operations]) => [prefix + path, operations]));
}
