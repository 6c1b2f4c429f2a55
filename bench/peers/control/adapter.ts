// The control: a bare Bun server with which the others are compared.
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
 * A resuming client receives as many bytes as from Thump: 100 envelopes, each with a 64-byte message. The envelopes do
 * not contain the missed messages, so this dialect is not `verbatim`.
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
    "No compression, which is Bun's default. The messages of one event-loop tick are written to an event stream at once, as Bun does for sockets.",
  version: () => `Bun ${Bun.version}`,
  missing: () => undefined,
  command: (port) => [bun, script, "--port", String(port)],
  dialects: { websocket, "event-stream": eventStream, multiplexed, publish: websocket },
};

export const controlEach: Adapter = {
  ...control,
  name: "control-each",
  title: "the bare Bun.serve, with one write per message and event stream",
  settings:
    "Like the control, but each message is written to each event stream separately, as simple servers do.",
  named: true,
  command: (port) => [...(control.command(port, "") as string[]), "--sse", "each"],
};
