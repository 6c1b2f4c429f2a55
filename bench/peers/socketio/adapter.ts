// Socket.IO, the best-known library with rooms, on Node and on Bun.
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

/** Engine.IO 4 with Socket.IO 5: 0 open, 2 ping, 3 pong, 40 connect, 42 event, 43 acknowledgement. */
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
  "No compression, which is the default because of its cost; only the WebSocket transport, so no client starts with polling; handshake requests are released, as its memory guide recommends; NODE_ENV=production";

export const socketio: Adapter = {
  name: "socketio",
  title: `${name} on Node`,
  tier: "live",
  settings: `${recommended}; with bufferutil, as its performance guide recommends.`,
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
  settings: `${recommended}; without the binary add-on, which is the default installation.`,
  named: true,
  environment: { ...nodeEnvironment, WS_NO_BUFFER_UTIL: "1" },
};

export const socketioBun: Adapter = {
  ...socketio,
  name: "socketio-bun",
  title: `${name} on Bun, with its bun-engine ${packageVersion("@socket.io/bun-engine") ?? ""}`,
  settings:
    "The Bun server by the Socket.IO authors, which they recommend over Bun's node:http. Defaults: no compression, and no pre-encoded frames, which it does not support. NODE_ENV=production.",
  version: () => onBun("socket.io"),
  missing: () => missingPackages("socket.io", "@socket.io/bun-engine"),
  command: (port) => [bun, join(import.meta.dir, "bun-server.ts"), String(port)],
  environment: production,
};
