// Starts one of the compared servers on a free port and waits until it answers.
import type { Adapter } from "../adapters.ts";
import { SERVER_CORE, endChild, startChild, tailOf } from "./children.ts";

const READY_WITHIN = 10_000;

export interface RunningServer {
  port: number;
  pid: number;
  /** How it ended, if it ended by itself. */
  ended(): string | undefined;
  stop(): Promise<void>;
}

function freePort(): number {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data() {} },
  });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function answers(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data() {} },
    });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

export async function startServer(adapter: Adapter): Promise<RunningServer> {
  const port = freePort();
  const child = startChild(adapter.command(port), SERVER_CORE, adapter.environment);
  const output = tailOf(child.stdout);
  const errors = tailOf(child.stderr);
  const until = performance.now() + READY_WITHIN;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > until) {
      await endChild(child);
      const said = errors() || output() || "it said nothing";
      throw new Error(`${adapter.name} did not start: ${said}`);
    }
    await Bun.sleep(25);
  }
  const ended = () => {
    if (child.exitCode === null && child.signalCode === null) return undefined;
    return `${adapter.name} ended (${child.signalCode ?? child.exitCode}): ${errors() || output()}`;
  };
  return { port, pid: child.pid, ended, stop: () => endChild(child) };
}
