// Salvo: a small server of ours, as Salvo's realtime guide builds one.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { type Build, lacking, missingBuild, programOf, run, versionOf } from "../toolchain.ts";

/** Also in Cargo.toml. */
const VERSION = "1.1.0";
const sources = ["Cargo.toml", "src/main.rs", "src/rooms.rs"];

export const salvoBuild: Build = {
  name: "salvo",
  version: VERSION,
  program: "target/release/salvo-peer",
  sources: sources.map((path) => join(import.meta.dir, path)),
  blocked: () => lacking("cargo"),
  build: (folder, log) =>
    run(["cargo", "build", "--release", "--target-dir", join(folder, "target")], log, {
      cwd: import.meta.dir,
    }),
};

const websocket: Dialect = {
  transport: "websocket",
  path: "/socket/{room}",
  publish: "{message}",
  verbatim: true,
};

export const salvo: Adapter = {
  name: "salvo",
  title: `Salvo ${VERSION} (Rust): a channel for each client, as in its realtime guide`,
  tier: "live",
  settings:
    "A release build with link-time optimisation and one code generation unit, HTTP/1.1 without compression, and Tokio's defaults; a WebSocket client's task sends what has queued up in one piece.",
  version: () => versionOf(salvoBuild),
  missing: () => missingBuild(salvoBuild),
  command: (port) => [programOf(salvoBuild), String(port)],
  dialects: {
    websocket,
    "event-stream": { transport: "event-stream", path: "/stream/{room}", verbatim: true },
    publish: websocket,
    http: { transport: "http", path: "/rooms/{room}", publish: "{message}" },
  },
};
