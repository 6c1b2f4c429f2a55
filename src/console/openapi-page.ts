// The API page: renders the OpenAPI document as HTML, without scripts or external resources.
import { ICON } from "./icon.ts";

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description: string;
  schema: object;
}

type MediaTypes = Record<string, { schema: object }>;

export interface ApiOperation {
  operationId: string;
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: MediaTypes };
  responses: Record<string, { description: string; content?: MediaTypes }>;
  security?: Security;
}

/** Alternative credentials. An empty requirement means that no credential is needed. */
export type Security = Record<string, []>[];

/** The subset of OpenAPI 3.1 that the server writes. */
export interface Description {
  openapi: "3.1.0";
  info: { title: string; version: string; description: string; license: object };
  servers: { url: string }[];
  paths: Record<string, Record<string, ApiOperation>>;
  components: { schemas: Record<string, object>; securitySchemes?: Record<string, SecurityScheme> };
  security?: Security;
}

export interface SecurityScheme {
  type: "http" | "apiKey";
  description: string;
  scheme?: string;
  bearerFormat?: string;
  in?: "query" | "cookie";
  name?: string;
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#ddd, #444); --soft: light-dark(#f6f6f4, #1d1d1f); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; background: var(--soft); padding: .75rem; border-radius: 6px; margin: .5rem 0; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: 0 .9rem; }
summary { cursor: pointer; padding: .5rem 0; }
summary b { display: inline-block; min-width: 4.5rem; font: 700 13px ui-monospace, monospace; }
summary span { opacity: .75; margin-left: .75rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); }
`;

/** Serves `/openapi`. */
export function openapiPage(description: Description): Response {
  return new Response(render(description), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    },
  });
}

function render({ info, paths, components, security }: Description): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => renderOperation(method, path, operation)),
  );
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="schema-${escape(name)}"><summary><code>${escape(name)}</code></summary>${code(schema)}</details>`,
  );
  const schemes = Object.entries(components.securitySchemes ?? {}).map(([name, scheme]) => [
    `<code>${escape(name)}</code>`,
    `${scheme.in ?? "Authorization"} <code>${escape(scheme.name ?? "Bearer")}</code>`,
    prose(scheme.description),
  ]);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="${ICON}">
<title>${escape(info.title)} ${escape(info.version)}: HTTP API</title><style>${STYLE}</style></head>
<body><h1>${escape(info.title)} ${escape(info.version)}</h1>
<p>${escape(info.description)} Machine-readable: <a href="openapi.json">openapi.json</a>.</p>
${security ? `<h2>Authentication</h2>${table(schemes)}` : ""}<h2>Operations</h2>${operations.join("\n")}
<h2>Schemas</h2>${schemas.join("\n")}
</body></html>`;
}

function renderOperation(method: string, path: string, operation: ApiOperation): string {
  const { operationId, summary, description, parameters = [], requestBody, responses, security } = operation;
  const rows = parameters.map(({ name, in: place, required, description: about, schema }) => [
    `<code>${escape(name)}</code>`,
    `${place}${required ? ", required" : ""}`,
    `${prose(about)} ${schemaText(schema)}`,
  ]);
  const responseRows = Object.entries(responses).map(([status, response]) => [
    `<code>${escape(status)}</code>`,
    prose(response.description),
    bodies(response.content),
  ]);
  return `<details id="${escape(operationId)}"><summary><b>${method.toUpperCase()}</b><code>${escape(path)}</code><span>${escape(summary)}</span></summary>
${description ? `<p>${prose(description)}</p>` : ""}
${security?.length ? `<p>Requires ${security.map(credentialsOf).join(" or ")}.</p>` : ""}
${rows.length > 0 ? `<h4>Parameters</h4>${table(rows)}` : ""}
${requestBody ? `<h4>Body</h4><p>${bodies(requestBody.content)}</p>` : ""}
<h4>Responses</h4>${table(responseRows)}</details>`;
}

function credentialsOf(requirement: Record<string, []>): string {
  const names = Object.keys(requirement).map((name) => `<code>${escape(name)}</code>`);
  return names.join(" and ") || "nothing";
}

function bodies(content: MediaTypes = {}): string {
  return Object.entries(content)
    .map(([type, { schema }]) => `<code>${escape(type)}</code> ${schemaText(schema)}`)
    .join("<br>");
}

/** Renders a link to a named schema, or the schema itself. For a plain string, renders only the description. */
function schemaText(schema: object): string {
  const { $ref, description, ...rest } = schema as { $ref?: string; description?: string };
  const name = /^#\/components\/schemas\/(.+)$/.exec($ref ?? "")?.[1];
  if (name) return `<a href="#schema-${escape(name)}">${escape(name)}</a>`;
  const text = JSON.stringify(rest);
  const plain = text === "{}" || text === '{"type":"string"}';
  return `${description ? prose(description) : ""} ${plain ? "" : `<code>${escape(text)}</code>`}`;
}

/** Converts text to HTML. Text in backticks becomes code. */
function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

function table(rows: string[][]): string {
  const cells = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<table>${cells.join("")}</table>`;
}

function code(value: object): string {
  return `<pre>${escape(JSON.stringify(value, undefined, 2))}</pre>`;
}

function escape(text: string): string {
  return Bun.escapeHTML(text);
}
