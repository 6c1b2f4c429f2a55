// Socket.IO on Node and on Bun: the best known library of rooms.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import {
  bun,
  missingNode,
  missingPackages,
  nodeCommand,
  nodeEnvironment,
  onBun,
  onNode,
  packageVersion,
  production,
} from "../javascript.ts";

/** Engine.IO 4 around Socket.IO 5: 0 opens, 2 pings, 3 answers, 40 connects, 42 is an event, 43 its acknowledgement. */
const websocket: Dialect = {
  transport: "websocket",
  path: "/socket.io/?EIO=4&transport=websocket",
  steps: [
    { expect: "0{" },
    { send: "40" },
    { expect: '40{"sid"' },
    { send: '420["join","{room}"]' },
    { expect: "430" },
  ],
  answers: { "2": "3" },
  publish: '42["message",{message}]',
};

const name = `Socket.IO ${packageVersion("socket.io") ?? ""}`.trim();
const recommended =
  "No compression, its default because of what that costs; only the WebSocket transport, so that no client begins by polling; the requests of handshakes let go of, as its guide to memory says; NODE_ENV=production";

export const socketio: Adapter = {
  name: "socketio",
  title: `${name} on Node`,
  tier: "live",
  settings: `${recommended}; bufferutil installed, which its guide to performance recommends.`,
  version: () => onNode("socket.io"),
  missing: () => missingPackages("socket.io") ?? missingNode(),
  command: (port, folder) => nodeCommand(join(import.meta.dir, "server.ts"), folder, String(port)),
  environment: nodeEnvironment,
  dialects: { websocket, publish: websocket },
};

export const socketioPlain: Adapter = {
  ...socketio,
  name: "socketio-plain",
  title: `${name} on Node, without bufferutil`,
  settings: `${recommended}; without the binary add-on, as it is installed by default.`,
  named: true,
  environment: { ...nodeEnvironment, WS_NO_BUFFER_UTIL: "1" },
};

export const socketioBun: Adapter = {
  ...socketio,
  name: "socketio-bun",
  title: `${name} on Bun, with its bun-engine ${packageVersion("@socket.io/bun-engine") ?? ""}`,
  settings:
    "The engine that its authors wrote for Bun and recommend there over Bun's node:http, with its defaults: no compression, and no pre-encoded frames, which it does not have; NODE_ENV=production.",
  version: () => onBun("socket.io"),
  missing: () => missingPackages("socket.io", "@socket.io/bun-engine"),
  command: (port) => [bun, join(import.meta.dir, "bun-server.ts"), String(port)],
  environment: production,
};
