// Operator and server paths in the OpenAPI document.
import type { Description } from "../../console/openapi-page.ts";
import { refTo, json, words, PROBLEM, query, path } from "./paths.ts";
import { BY_KEY, BY_NOBODY } from "./security.ts";

export const operatorPaths: Description["paths"] = {
  "/rules": {
    get: {
      operationId: "rules",
      summary: "The rules of rooms, as they hold",
      description:
        "In the order in which they are tried; the last one, whose pattern is null, is that of all other rooms. With `room` the rule of that one alone. Durations in seconds, sizes in bytes.",
      security: BY_KEY,
      parameters: [
        {
          name: "room",
          in: "query",
          description: "The room whose rule is asked for.",
          schema: { type: "string" },
        },
      ],
      responses: {
        200: {
          description: "All rules, or one.",
          content: {
            "application/json": { schema: { anyOf: [refTo("Rules"), refTo("RuleOfRoom")] } },
          },
        },
        ...PROBLEM,
      },
    },
  },
  "/sessions": {
    get: {
      operationId: "listSessions",
      summary: "List sessions, the newest first",
      security: BY_KEY,
      parameters: [
        {
          name: "room",
          in: "query",
          description: "Those that are in this room; repeated: in all of them.",
          schema: { type: "array", items: { type: "string" } },
        },
        ...query("user", "lagging", "cursor", "limit"),
      ],
      responses: { 200: { description: "A page of them.", content: json("Sessions") }, ...PROBLEM },
    },
  },
  "/sessions/{id}": {
    get: {
      operationId: "describeSession",
      summary: "How a session fares",
      security: BY_KEY,
      parameters: [path("id", "The session's id.")],
      responses: { 200: { description: "All that is known of it.", content: json("Session") }, ...PROBLEM },
    },
    delete: {
      operationId: "endSession",
      summary: "End a session",
      security: BY_KEY,
      parameters: [path("id", "The session's id.")],
      responses: { 204: { description: "It is ended." }, ...PROBLEM },
    },
  },
  "/users/{user}/sessions": {
    delete: {
      operationId: "endUserSessions",
      summary: "End all sessions of a user",
      description: "Their tokens stay good.",
      security: BY_KEY,
      parameters: [path("user", "The user's id.")],
      responses: { 200: { description: "They are ended.", content: json("Ended") }, ...PROBLEM },
    },
  },
  "/revoke": {
    post: {
      operationId: "revoke",
      summary: "Take tokens back",
      description: "Their sessions end at once, and the tokens are refused from then on.",
      security: BY_KEY,
      requestBody: { required: true, content: json("Revocation") },
      responses: { 200: { description: "They are taken back.", content: json("Revoked") }, ...PROBLEM },
    },
  },
};

export const serverPaths: Description["paths"] = {
  "/healthz": {
    get: {
      operationId: "health",
      summary: "Whether the process lives",
      security: BY_NOBODY,
      responses: { 200: { description: "It does.", content: json("Status") } },
    },
  },
  "/readyz": {
    get: {
      operationId: "ready",
      summary: "Whether it should get new clients",
      security: BY_NOBODY,
      responses: {
        200: { description: "It should.", content: json("Status") },
        503: { description: "It drains, or its log is not available.", content: json("Status") },
      },
    },
  },
  "/openapi.json": {
    get: {
      operationId: "description",
      summary: "This description",
      security: BY_NOBODY,
      responses: { 200: { description: "OpenAPI 3.1.", content: { "application/json": { schema: {} } } } },
    },
  },
  "/openapi": {
    get: {
      operationId: "page",
      summary: "This description as a page",
      security: BY_NOBODY,
      responses: { 200: { description: "HTML.", content: { "text/html": words("A page.") } } },
    },
  },
};
