// Security schemes of the OpenAPI document: the credentials that a server with these settings accepts.
import type { Description, Security, SecurityScheme } from "../../console/openapi-page.ts";
import { hasCredentials } from "../../auth/auth-options.ts";
import type { Settings } from "../config/settings.ts";

/** Operations that require an API key, if credentials are configured. */
export const BY_KEY: Security = [{ apiKey: [] }];
/** Operations without authentication. */
export const BY_NOBODY: Security = [];

function schemes({ secrets, keys, jwks, cookie }: Settings["access"]): Record<string, SecurityScheme> {
  const apiKey: SecurityScheme = {
    type: "http",
    scheme: "bearer",
    description: "An API key of a server: `thump_…`. What it may do is in the server's config.",
  };
  if (secrets.length === 0 && keys.length === 0 && jwks === undefined) return { apiKey };
  const token: SecurityScheme = {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      'A token that grants what one wants to do. On a browser\'s WebSocket it is a subprotocol: `new WebSocket(url, ["thump", "bearer." + token])`.',
  };
  const query: SecurityScheme = {
    type: "apiKey",
    in: "query",
    name: "token",
    description: "The same in the address, for `EventSource`.",
  };
  if (cookie === undefined) return { apiKey, token, query };
  const inCookie: SecurityScheme = {
    type: "apiKey",
    in: "cookie",
    name: cookie,
    description: "The same in a cookie, from pages whose origin is this server's own or is listed.",
  };
  return { apiKey, token, query, cookie: inCookie };
}

/** Adds the security schemes to the document. Without configured credentials, there are none. */
export function withSecurity(description: Description, { access }: Settings): Description {
  if (!hasCredentials(access)) return { ...description, paths: withoutSecurity(description.paths) };
  const securitySchemes = schemes(access);
  // Rules may allow requests without credentials.
  const security: Security = [
    {},
    ...Object.keys(securitySchemes).map((name): Record<string, []> => ({ [name]: [] })),
  ];
  return { ...description, components: { ...description.components, securitySchemes }, security };
}

function withoutSecurity(paths: Description["paths"]): Description["paths"] {
  const copy = structuredClone(paths);
  for (const operations of Object.values(copy))
    for (const operation of Object.values(operations)) delete operation.security;
  return copy;
}
