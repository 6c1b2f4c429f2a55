// Salvo: a small server written for this benchmark, based on Salvo's realtime guide.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { type Build, missingTool, missingBuild, programOf, run, versionOf } from "../toolchain.ts";

/** Must match Cargo.toml. */
const VERSION = "1.1.0";
const sources = ["Cargo.toml", "src/main.rs", "src/rooms.rs"];

export const salvoBuild: Build = {
  name: "salvo",
  version: VERSION,
  program: "target/release/salvo-peer",
  sources: sources.map((path) => join(import.meta.dir, path)),
  blocked: () => missingTool("cargo"),
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
  title: `Salvo ${VERSION} (Rust): one channel per client, as in its realtime guide`,
  tier: "live",
  settings:
    "Release build with link-time optimisation and one code generation unit; HTTP/1.1 without compression; Tokio's defaults. The task of a WebSocket client sends queued messages in one write.",
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
