// Centrifugo: its JSON protocol over WebSocket and event streams, with and without history.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { type Build, missingTool, missingBuild, programOf, run, versionOf } from "../toolchain.ts";

const VERSION = "5.4.9";
const API_KEY = "only-for-the-benchmark";

export const centrifugoBuild: Build = {
  name: "centrifugo",
  version: VERSION,
  program: "bin/centrifugo",
  sources: ["go.mod", "go.sum"].map((path) => join(import.meta.dir, path)),
  blocked: () => missingTool("go"),
  build: (folder, log) =>
    run(
      [
        "go",
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-o",
        join(folder, "bin/centrifugo"),
        "github.com/centrifugal/centrifugo/v5",
      ],
      log,
      { cwd: import.meta.dir, environment: { CGO_ENABLED: "0" } },
    ),
};

const live = {
  address: "127.0.0.1",
  log_level: "error",
  health: true,
  sse: true,
  api_key: API_KEY,
  allow_anonymous_connect_without_token: true,
  allow_subscribe_for_client: true,
  allow_subscribe_for_anonymous: true,
  allow_publish_for_client: true,
  allow_publish_for_anonymous: true,
  // Disabled, because event-stream clients would have to answer each ping with a separate request.
  pong_timeout: "-1s",
  usage_stats_disable: true,
};

const history = { ...live, history_size: 100, history_ttl: "300s", force_recovery: true };

const connect = '{"id":1,"connect":{}}';
const subscribe = '{"id":2,"subscribe":{"channel":"{room}"}}';
const publish = '{"id":3,"publish":{"channel":"{room}","data":{message}}}';

const dialect = (steps: string[]): Dialect => ({
  transport: "websocket",
  path: "/connection/websocket",
  steps: steps.map((send, index) => ({ send, expect: `"id":${index + 1},` })),
  answers: { "{}": "{}" },
  publish,
  echo: true,
});

/** The commands, percent-encoded for a path, except for the room's placeholder. */
const commands = encodeURIComponent(`${connect}\n${subscribe}`).replace("%7Broom%7D", "{room}");
const headers = { "content-type": "application/json", "x-api-key": API_KEY };

const dialects: Record<string, Dialect> = {
  websocket: dialect([connect, subscribe]),
  "event-stream": {
    transport: "event-stream",
    path: `/connection/sse?cf_connect=${commands}`,
    // The responses to both commands may arrive in one event.
    steps: [{ expect: '"id":2,' }],
  },
  publish: dialect([connect]),
  http: {
    transport: "http",
    path: "/api/publish",
    headers,
    publish: '{"channel":"{room}","data":{message}}',
  },
  "http-batch": {
    transport: "http",
    path: "/api/batch",
    headers,
    publish: '{"publish":{"channel":"{room}","data":{message}}}',
    batch: { of: 100, before: '{"commands":[', between: ",", after: "]}" },
  },
};

function adapter(name: string, title: string, configuration: object) {
  return {
    name,
    title,
    version: () => versionOf(centrifugoBuild),
    missing: () => missingBuild(centrifugoBuild),
    async command(port: number, folder: string) {
      const file = join(folder, "centrifugo.json");
      await Bun.write(file, JSON.stringify({ ...configuration, port }));
      return [programOf(centrifugoBuild), "--config", file];
    },
    ready: "/health",
    dialects,
  };
}

const common =
  "Defaults with the memory engine; only errors logged; anonymous clients allowed; no response to pings required";

export const centrifugo: Adapter = {
  ...adapter("centrifugo", `Centrifugo ${VERSION} (Go), without history`, live),
  tier: "live",
  settings: `${common}; no history, which is the default.`,
};

export const centrifugoHistory: Adapter = {
  ...adapter("centrifugo-history", `Centrifugo ${VERSION} (Go), with history and recovery`, history),
  tier: "history",
  settings: `${common}; 100 messages per channel for 300 s, and recovery for each subscription.`,
};
