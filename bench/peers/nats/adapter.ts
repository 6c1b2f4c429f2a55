// NATS: core publish and subscribe, in its protocol over WebSocket.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { type Build, missingTool, missingBuild, programOf, run, versionOf } from "../toolchain.ts";

const VERSION = "2.15.2";

export const natsBuild: Build = {
  name: "nats",
  version: VERSION,
  program: "bin/nats-server",
  blocked: () => missingTool("go"),
  build: (folder, log) =>
    run(["go", "install", `github.com/nats-io/nats-server/v2@v${VERSION}`], log, {
      environment: { GOBIN: join(folder, "bin"), CGO_ENABLED: "0" },
    }),
};

function configuration(port: number): string {
  return `# The port of the native protocol is not used; -1 means any free port.
listen: "127.0.0.1:-1"
max_connections: 1000000
websocket {
  listen: "127.0.0.1:${port}"
  no_tls: true
  compression: false
}
`;
}

const connect = 'CONNECT {"verbose":false,"pedantic":false,"echo":false}\r\n';

/** The PONG confirms that all earlier commands were processed. */
const dialect = (first: string): Dialect => ({
  transport: "websocket",
  path: "/",
  binary: true,
  steps: [{ expect: "INFO " }, { send: `${connect}${first}PING\r\n`, expect: "PONG" }],
  answers: { PING: "PONG\r\n", "PING\r\n": "PONG\r\n" },
  publish: "PUB {room} {length}\r\n{message}\r\n",
});

export const nats: Adapter = {
  name: "nats",
  title: `NATS ${VERSION} (Go): core subjects over WebSocket`,
  tier: "live",
  settings:
    "Defaults, without TLS and compression; a limit of a million clients instead of 65,536; no JetStream, so no history. Clients do not receive their own messages.",
  version: () => versionOf(natsBuild),
  missing: () => missingBuild(natsBuild),
  async command(port, folder) {
    const file = join(folder, "nats.conf");
    await Bun.write(file, configuration(port));
    return [programOf(natsBuild), "--config", file];
  },
  dialects: { websocket: dialect("SUB {room} 1\r\n"), publish: dialect("") },
};
