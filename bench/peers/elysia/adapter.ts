// Broadcasts with Elysia: its WebSocket route, its generators, `@elysiajs/stream` and `thump/stream`.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { bun, missingPackages, onBun, packageVersion, production } from "../javascript.ts";

const websocket: Dialect = {
  transport: "websocket",
  path: "/rooms/{room}",
  publish: "{message}",
  verbatim: true,
};

const eventStream: Dialect = {
  transport: "event-stream",
  path: "/rooms/{room}",
  headers: { accept: "text/event-stream" },
  verbatim: true,
};

const publish: Dialect = { transport: "websocket", path: "/publish/{room}", publish: "{message}" };

const elysia = `Elysia ${packageVersion("elysia") ?? ""}`.trim();

function adapter(file: string, own: Pick<Adapter, "name" | "title" | "settings" | "dialects">): Adapter {
  return {
    ...own,
    tier: "live",
    version: () => onBun("elysia"),
    missing: () => missingPackages("elysia"),
    command: (port) => [bun, join(import.meta.dir, file), String(port)],
    environment: production,
  };
}

export const elysiaWs = adapter("websocket.ts", {
  name: "elysia-ws",
  title: `${elysia} with its .ws() route`,
  settings:
    "Defaults (ahead-of-time compiled handlers, no compression), NODE_ENV=production, one listener per port.",
  dialects: { websocket, publish: websocket },
});

export const elysiaSse = adapter("generator.ts", {
  name: "elysia-sse",
  title: `${elysia} with one generator and sse() per client`,
  settings:
    "Defaults, NODE_ENV=production; one queue per client; no idle timeout, which would end quiet streams.",
  dialects: { "event-stream": eventStream, publish },
});

export const elysiaStream: Adapter = {
  ...adapter("stream.ts", {
    name: "elysia-stream",
    title: `@elysiajs/stream ${packageVersion("@elysiajs/stream") ?? ""} on ${elysia}`,
    settings:
      "Defaults, NODE_ENV=production; the content type of an event stream; no idle timeout, which would end quiet streams.",
    dialects: { "event-stream": eventStream, publish },
  }),
  version: () => onBun("@elysiajs/stream"),
  missing: () => missingPackages("elysia", "@elysiajs/stream"),
};

/** thump/stream without rooms. @param kind the kind of source for each client */
function streamPlugin(kind: "callback" | "generator" | "class", title: string): Adapter {
  return {
    ...adapter("thump-stream.ts", {
      name: `thump-stream-${kind}`,
      title: `thump/stream on ${elysia}, ${title}`,
      settings: "Defaults, NODE_ENV=production.",
      dialects: { "event-stream": eventStream, publish },
    }),
    named: true,
    command: (port) => [bun, join(import.meta.dir, "thump-stream.ts"), String(port), kind],
  };
}

export const streamPlugins: Adapter[] = [
  streamPlugin("callback", "a callback per client"),
  streamPlugin("generator", "a generator per client"),
  streamPlugin("class", "the Stream class"),
  {
    ...adapter("thump-stream-room.ts", {
      name: "thump-stream-room",
      title: `thump/stream on ${elysia}, from a Thump room`,
      settings: "Defaults, NODE_ENV=production. Messages have cursors and are stored.",
      dialects: { "event-stream": eventStream, publish },
    }),
    named: true,
  },
];
