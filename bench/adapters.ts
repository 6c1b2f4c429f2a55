// The servers that are compared, as data.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint, Transport } from "./jobs.ts";

export interface Adapter {
  name: string;
  /** What it is, for the report. */
  about: string;
  /** The command that serves on 127.0.0.1 and this port. */
  command(port: number): string[];
  /** Added to the environment of the command. */
  environment?: Record<string, string>;
  /** Only measured when it is asked for by name. */
  extra?: true;
  /** Why it cannot run here, if it cannot. */
  missing(): string | undefined;
  publish: Endpoint;
  subscribe: Partial<Record<Transport, Endpoint>>;
}

const root = join(import.meta.dir, "..");
const bun = process.execPath;
const websocket: Endpoint = { transport: "websocket", path: "/rooms/bench" };
const eventStream: Endpoint = {
  transport: "event-stream",
  path: "/rooms/bench",
};

function control(name: string, about: string, ...options: string[]): Adapter {
  const script = join(root, "bench/servers/control.ts");
  return {
    name,
    about,
    command: (port) => [bun, script, "--port", String(port), ...options],
    missing: () => undefined,
    publish: websocket,
    subscribe: { websocket, "event-stream": eventStream },
  };
}

const main = join(root, "src/main.ts");

export const adapters: Adapter[] = [
  control("control", "a bare Bun.serve that publishes what it receives"),
  {
    ...control(
      "control-each",
      "the same, but each message is written to a stream by itself, not a turn's in one piece",
      "--sse",
      "each",
    ),
    extra: true,
  },
  {
    name: "thump",
    about: "bun src/main.ts",
    command: (port) => [bun, main, "--port", String(port), "--host", "127.0.0.1"],
    missing: () => (existsSync(main) ? undefined : "src/main.ts is not there yet"),
    publish: websocket,
    subscribe: { websocket, "event-stream": eventStream },
  },
];
