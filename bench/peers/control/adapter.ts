// The bare control: what Bun can do here, which the others are measured by.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { bun } from "../javascript.ts";

const script = join(import.meta.dir, "server.ts");

const websocket: Dialect = {
  transport: "websocket",
  path: "/rooms/{room}",
  publish: "{message}",
  verbatim: true,
};

const eventStream: Dialect = {
  transport: "event-stream",
  path: "/rooms/{room}",
  headers: { accept: "text/event-stream" },
  verbatim: true,
};

/**
 * Who comes back is sent as many bytes as Thump sends: 100 envelopes of a message of 64 bytes. They are not the
 * messages, so this one does not say that every frame is one.
 */
const multiplexed: Dialect = {
  transport: "websocket",
  path: "/rooms/{room}",
  publish: "{message}",
  resume: { before: '"thump":"', path: "/rooms/{room}?replay=100&size=176" },
  replays: true,
};

export const control: Adapter = {
  name: "control",
  title: "a bare Bun.serve that publishes what it receives",
  tier: "live",
  settings:
    "No compression, as Bun's own default; a turn's messages are written to an event stream in one piece, as Bun does by itself for sockets.",
  version: () => `Bun ${Bun.version}`,
  missing: () => undefined,
  command: (port) => [bun, script, "--port", String(port)],
  dialects: { websocket, "event-stream": eventStream, multiplexed, publish: websocket },
};

export const controlEach: Adapter = {
  ...control,
  name: "control-each",
  title: "the bare Bun.serve, with one write a message and event stream",
  settings:
    "As the control, but each message is written to each event stream by itself, as simple servers do.",
  named: true,
  command: (port) => [...(control.command(port, "") as string[]), "--sse", "each"],
};
