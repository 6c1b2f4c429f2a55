// Sockudo: the Pusher protocol over WebSocket. A bridge process signs publishes for its HTTP API.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { GENERATOR_CORE, pinning } from "../../runner/children.ts";
import { freePort } from "../../runner/server.ts";
import { librariesIn, notDebian, unpack } from "../debian.ts";
import { type Build, type Log, missingTool, missingBuild, programOf, run, versionOf } from "../toolchain.ts";
import { app, configuration } from "./configuration.ts";

const VERSION = "5.2.0";
const PROTOC = "3.21.12-3+deb12u1";

/** Returns environment variables for the build. Unpacks Debian's protoc into `folder` unless protoc is installed. */
async function protoc(folder: string, log: Log): Promise<Record<string, string>> {
  if (process.env["PROTOC"] || Bun.which("protoc")) return {};
  const names = ["protobuf-compiler", "libprotobuf-dev", "libprotoc32", "libprotobuf32"];
  await unpack(
    names.map((name) => `${name}=${PROTOC}`),
    folder,
    log,
  );
  return { PROTOC: join(folder, "usr/bin/protoc"), LD_LIBRARY_PATH: await librariesIn(folder) };
}

export const sockudoBuild: Build = {
  name: "sockudo",
  version: VERSION,
  program: "bin/sockudo",
  blocked: () =>
    missingTool("cargo") ?? (process.env["PROTOC"] || !missingTool("protoc") ? undefined : withoutProtoc()),
  async build(folder, log) {
    const [tools, target] = [join(folder, "protoc"), join(folder, "target")];
    const environment = { ...(await protoc(tools, log)), CARGO_TARGET_DIR: target };
    const features = ["--no-default-features", "--features", "local"];
    await run(
      [
        "cargo",
        "install",
        "sockudo",
        "--version",
        VERSION,
        "--locked",
        "--force",
        ...features,
        "--root",
        folder,
      ],
      log,
      { environment },
    );
    // Deletes about a gigabyte of build files.
    for (const left of [tools, target]) await rm(left, { recursive: true, force: true });
  },
};

function withoutProtoc(): string | undefined {
  const reason = notDebian();
  return reason && `protoc is not installed, and ${reason}`;
}

const websocket: Dialect = {
  transport: "websocket",
  path: `/app/${app.key}?protocol=7&client=bench&version=1`,
  steps: [
    { expect: "pusher:connection_established" },
    {
      send: '{"event":"pusher:subscribe","data":{"channel":"{room}"}}',
      expect: "pusher_internal:subscription_succeeded",
    },
  ],
  answers: { '{"event":"pusher:ping"}': '{"event":"pusher:pong","data":{}}' },
};

/** Publishes to the bridge, whose port is set when the command is built. */
const publishing: Dialect = {
  transport: "websocket",
  path: "/",
  publish: '{"name":"m","channel":"{room}","data":"{escaped}"}',
};

/**
 * Starts the bridge, waits until the bridge listens, and then replaces itself with Sockudo. The bridge reads from a
 * pipe that Sockudo holds open, so the bridge ends when Sockudo does. Arguments: the two pipes, Sockudo, Sockudo's
 * configuration, and the bridge.
 */
const script = `mkfifo "$1" "$2" && exec 9<>"$1" || exit 1
ends=$1 says=$2 server=$3 file=$4
shift 4
"$@" <"$ends" >"$says" 9>&- &
read -r ready <"$says" && exec "$server" --config "$file"`;

/** Signing is the publishers' work, so the bridge runs on the publishers' core. */
function bridgeCommand(port: number, target: number): string[] {
  const bridge = [process.execPath, join(import.meta.dir, "bridge.ts"), String(port), String(target)];
  return pinning === undefined ? ["taskset", "-c", String(GENERATOR_CORE), ...bridge] : bridge;
}

export const sockudo: Adapter = {
  name: "sockudo",
  title: `Sockudo ${VERSION} (Rust): the Pusher protocol`,
  tier: "live",
  settings:
    "Local adapter and memory drivers, no rate limits and metrics, only warnings logged. A bridge process on the generator's core signs publishes and forwards them to Sockudo's HTTP API, up to ten per request, because clients can publish only to private channels, whose signatures depend on the connection.",
  version: () => versionOf(sockudoBuild),
  missing: () => missingBuild(sockudoBuild),
  environment: { RUST_LOG: "warn" },
  async command(port, folder) {
    const file = join(folder, "sockudo.json");
    await Bun.write(file, JSON.stringify(configuration(port)));
    publishing.port = freePort();
    const pipes = [join(folder, "ends"), join(folder, "says")];
    const bridge = bridgeCommand(publishing.port, port);
    return ["sh", "-c", script, "sockudo", ...pipes, programOf(sockudoBuild), file, ...bridge];
  },
  ready: "/up",
  dialects: { websocket, publish: publishing },
};
