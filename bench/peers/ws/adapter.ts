// The `ws` package on Node, the basis of most JavaScript WebSocket servers.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import {
  missingNode,
  missingPackages,
  nodeCommand,
  nodeEnvironment,
  onNode,
  packageVersion,
} from "../javascript.ts";

const websocket: Dialect = {
  transport: "websocket",
  path: "/rooms/{room}",
  publish: "{message}",
  verbatim: true,
};

export const ws: Adapter = {
  name: "ws",
  title: `ws ${packageVersion("ws") ?? ""} on Node`,
  tier: "live",
  settings:
    "perMessageDeflate off, which is the default because of its cost; with bufferutil, as recommended for Node before 26.12; NODE_ENV=production.",
  version: () => onNode("ws"),
  missing: () => missingPackages("ws") ?? missingNode(),
  command: (port, folder) => nodeCommand(join(import.meta.dir, "server.ts"), folder, String(port)),
  environment: nodeEnvironment,
  dialects: { websocket, publish: websocket },
};
