// Starts one of the compared servers on a free port and waits until it is ready.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Adapter } from "../adapter.ts";
import { SERVER_CORE, endChild, startChild, lastOutputOf } from "./children.ts";

const READY_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 15;

export interface RunningServer {
  port: number;
  pid: number;
  /** How the server exited, unless the runner stopped it. */
  ended(): string | undefined;
  stop(): Promise<void>;
}

export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function isReady(port: number, path: string | undefined): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return path === undefined || (await fetch(`http://127.0.0.1:${port}${path}`)).ok;
  } catch {
    return false;
  }
}

export async function startServer(adapter: Adapter): Promise<RunningServer> {
  const port = freePort();
  const folder = mkdtempSync(join(tmpdir(), `bench-${adapter.name}-`));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  let command: string[];
  try {
    command = await adapter.command(port, folder);
  } catch (error) {
    removeFolder();
    throw error;
  }
  const child = startChild(command, SERVER_CORE, { environment: adapter.environment ?? {} });
  const output = lastOutputOf(child.stdout);
  const errors = lastOutputOf(child.stderr);
  const stop = async () => {
    await endChild(child);
    removeFolder();
  };
  const until = performance.now() + READY_TIMEOUT_MS;
  while (!(await isReady(port, adapter.ready))) {
    if (child.exitCode !== null || performance.now() > until) {
      await stop();
      throw new Error(`${adapter.name} did not start: ${errors() || output() || "no output"}`);
    }
    await Bun.sleep(READY_POLL_MS);
  }
  const ended = () => {
    if (child.exitCode === null && child.signalCode === null) return undefined;
    return `${adapter.name} ended (${child.signalCode ?? child.exitCode}): ${errors() || output()}`;
  };
  return { port, pid: child.pid, ended, stop };
}
