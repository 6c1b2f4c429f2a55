// The OpenAPI document is valid and complete, and its page is self-contained.
import { expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Options } from "../../src/index.ts";
import { createApp, serverSettings } from "../../src/server/app.ts";
import { ThumpServer } from "../../src/server/thump-server.ts";
import { cleanup } from "../support/cleanup.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SECRET } from "../support/tokens.ts";

interface Document {
  openapi: string;
  paths: Record<string, Record<string, { operationId: string; responses: object; security?: object[] }>>;
  components: { schemas: Record<string, object>; securitySchemes?: Record<string, object> };
  security?: object[];
}

async function documentOf({ url }: TestServer): Promise<Document> {
  const response = await fetch(`${url}/openapi.json`);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  return (await response.json()) as Document;
}

test.each<Options>([{ demo: true }, { access: { secrets: SECRET, cookie: "session" } }])(
  "the document is valid: %j",
  async (options) => {
    const document = await documentOf(startServer(options));
    const { valid, errors } = await new Validator().validate({ ...document });
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(document.openapi).toBe("3.1.0");
  },
);

test("the document states the credentials for each operation", async () => {
  const secured = await documentOf(startServer({ access: { secrets: SECRET, cookie: "session" } }));
  expect(Object.keys(secured.components.securitySchemes ?? {}).toSorted()).toEqual([
    "apiKey",
    "cookie",
    "query",
    "token",
  ]);
  expect(secured.components.securitySchemes?.["cookie"]).toMatchObject({ in: "cookie", name: "session" });
  expect(secured.security).toContainEqual({ token: [] });
  const securityOf = ({ paths }: Document, method: string, path: string) => paths[path]?.[method]?.security;
  for (const [method, path] of [
    ["post", "/revoke"],
    ["get", "/rooms"],
    ["delete", "/sessions/{id}"],
  ] as const)
    expect(securityOf(secured, method, path)).toEqual([{ apiKey: [] }]);
  expect(securityOf(secured, "get", "/healthz")).toEqual([]);
  expect(securityOf(secured, "get", "/metrics")).toEqual([{}, { apiKey: [] }]);
  const apiKeys = [{ name: "a", hash: "0".repeat(64) }];
  const keysAlone = await documentOf(startServer({ access: { apiKeys } }));
  expect(Object.keys(keysAlone.components.securitySchemes ?? {})).toEqual(["apiKey"]);
  const open = await documentOf(startServer());
  expect(JSON.stringify(open)).not.toContain("security");
});

test.each([
  { demo: true, console: true },
  { prefix: "/live", demo: false, console: false, metrics: "off" },
  { demo: false, console: true, metricsPath: "/m" },
] as const)("the document has exactly the server's routes: %j", async (options) => {
  const thump = new ThumpServer(serverSettings(options));
  cleanup(() => thump.close());
  const routes = createApp(thump)
    .routes.filter(({ method }) => method !== "OPTIONS")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const { paths } = await documentOf(startServer(options));
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.toSorted()).toEqual([...new Set(routes)].toSorted());
});

test("the document contains every request in the tables of docs/protocol.md", async () => {
  const text = await Bun.file(`${import.meta.dir}/../../docs/protocol.md`).text();
  const named = [...text.matchAll(/`(GET|POST|DELETE) (\/[^\s`?]*)/g)].map(
    ([, method, path]) => `${method} ${path?.replaceAll(/:(\w+)/g, "{$1}")}`,
  );
  expect(named.length).toBeGreaterThan(12);
  const { paths } = await documentOf(startServer());
  for (const one of named) {
    const [method = "", path = ""] = one.split(" ");
    expect(paths[path], one).toHaveProperty(method.toLowerCase());
  }
});

test("references resolve, and operation ids are unique", async () => {
  const document = await documentOf(startServer());
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  expect(refs.length).toBeGreaterThan(10);
  for (const [, name] of refs) expect(document.components.schemas).toHaveProperty(name as string);
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test.each<Options>([{}, { access: { secrets: SECRET } }])(
  "the page shows every operation and loads nothing from other hosts: %j",
  async (options) => {
    const server = startServer(options);
    const response = await fetch(`${server.url}/openapi`);
    expect(response.headers.get("content-type")).toStartWith("text/html");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    const html = await response.text();
    const { paths, components } = await documentOf(server);
    for (const [path, methods] of Object.entries(paths)) {
      expect(html).toContain(`<code>${path}</code>`);
      for (const { operationId } of Object.values(methods)) expect(html).toContain(`id="${operationId}"`);
    }
    for (const name of Object.keys(components.schemas)) expect(html).toContain(`id="schema-${name}"`);
    expect(html).not.toMatch(/<script|<iframe|<img|@import|url\(/);
    for (const [, href] of html.matchAll(/(?:href|src)="([^"]*)"/g)) {
      expect(href).toMatch(/^(#schema-\w+|openapi\.json|data:image\/svg\+xml,.*)$/);
    }
  },
);
