// Mercure: publishes over HTTP, subscriptions over event streams, with the local and the Bolt transport.
import { createHmac } from "node:crypto";
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { type Build, missingTool, missingBuild, programOf, run, versionOf } from "../toolchain.ts";

const VERSION = "0.18.0";
const KEY = "a key that only the benchmark and its own hub know";

export const mercureBuild: Build = {
  name: "mercure",
  version: VERSION,
  program: "bin/mercure",
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
        join(folder, "bin/mercure"),
        "github.com/dunglas/mercure/cmd/mercure",
      ],
      log,
      { cwd: import.meta.dir, environment: { CGO_ENABLED: "0" } },
    ),
};

/** Builds a token that permits publishing to every topic and never expires. */
function publisherToken(): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const content = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ mercure: { publish: ["*"] } })}`;
  return `${content}.${createHmac("sha256", KEY).update(content).digest("base64url")}`;
}

const hub = "/.well-known/mercure";

const subscription: Dialect = { transport: "event-stream", path: `${hub}?topic={room}`, verbatim: true };

const publication: Dialect = {
  transport: "http",
  path: hub,
  headers: {
    authorization: `Bearer ${publisherToken()}`,
    "content-type": "application/x-www-form-urlencoded",
  },
  publish: "topic={room}&data={message}",
  pipeline: 16,
};

function command(port: number, transport: string): string[] {
  const listening = ["--addr", `127.0.0.1:${port}`, "--heartbeat-interval", "40s", "--write-timeout", "0s"];
  const access = ["--jwt-key", KEY, "--allow-anonymous"];
  return [programOf(mercureBuild), ...listening, ...access, "--transport-url", transport];
}

const common = {
  version: () => versionOf(mercureBuild),
  missing: () => missingBuild(mercureBuild),
  ready: "/healthz",
};

const settings =
  "Anonymous subscribers, a heartbeat every 40 s, no limit on the duration of a stream, no compression, connects and disconnects logged (sampled); the standalone server, because the Caddy module is not available from Go's proxy";

export const mercure: Adapter = {
  ...common,
  name: "mercure",
  title: `Mercure ${VERSION} (Go), local transport`,
  tier: "live",
  settings: `${settings}. The local transport has no history.`,
  command: (port) => command(port, "local://local"),
  dialects: { "event-stream": subscription, publish: publication },
};

export const mercureHistory: Adapter = {
  ...common,
  name: "mercure-history",
  title: `Mercure ${VERSION} (Go), Bolt transport`,
  tier: "history",
  settings: `${settings}. The Bolt transport, its default, writes each message to disk and stores 1,000.`,
  command: (port, folder) => command(port, `bolt://${join(folder, "updates.db")}?size=1000`),
  dialects: {
    "event-stream": {
      ...subscription,
      resume: { before: "id: ", path: `${hub}?topic={room}&lastEventID={cursor}` },
    },
    publish: publication,
  },
};
