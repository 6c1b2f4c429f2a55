// Centrifugo: its JSON protocol over WebSocket and over an event stream; once as it is, once with history.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { type Build, lacking, missingBuild, programOf, run, versionOf } from "../toolchain.ts";

const VERSION = "5.4.9";
const API_KEY = "only-for-the-benchmark";

export const centrifugoBuild: Build = {
  name: "centrifugo",
  version: VERSION,
  program: "bin/centrifugo",
  sources: ["go.mod", "go.sum"].map((path) => join(import.meta.dir, path)),
  blocked: () => lacking("go"),
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
  // A client on an event stream would have to answer each ping by a request of its own.
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

/** In a path, every character but the place of the room's name is encoded. */
const commands = encodeURIComponent(`${connect}\n${subscribe}`).replace("%7Broom%7D", "{room}");
const headers = { "content-type": "application/json", "x-api-key": API_KEY };

const dialects: Record<string, Dialect> = {
  websocket: dialect([connect, subscribe]),
  "event-stream": {
    transport: "event-stream",
    path: `/connection/sse?cf_connect=${commands}`,
    // The answers to both commands may come in one event.
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
  "Its defaults with the memory engine, errors logged only, anonymous clients allowed, and no answer to a ping demanded";

export const centrifugo: Adapter = {
  ...adapter("centrifugo", `Centrifugo ${VERSION} (Go), without history`, live),
  tier: "live",
  settings: `${common}; history is off, as it is unless a namespace asks for it.`,
};

export const centrifugoHistory: Adapter = {
  ...adapter("centrifugo-history", `Centrifugo ${VERSION} (Go), with history and recovery`, history),
  tier: "history",
  settings: `${common}; a channel keeps 100 messages for 300 s, and every subscription can be recovered.`,
};
