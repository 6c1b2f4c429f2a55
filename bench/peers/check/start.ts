// Starts a peer for the check on a free port and in its own folder, and stops the peer afterwards.
import type { Subprocess } from "bun";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";

const READY_TIMEOUT_MS = 15_000;
const EXIT_TIMEOUT_MS = 3_000;
const POLL_MS = 10;

export interface Running extends AsyncDisposable {
  port: number;
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false; // The server is not listening yet.
  }
}

async function isReady(port: number, path: string | undefined): Promise<boolean> {
  if (!(await accepts(port))) return false;
  if (path === undefined) return true;
  const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
  return response?.status === 200;
}

async function end(child: Subprocess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
  await child.exited;
  clearTimeout(timer);
}

/**
 * Resolves once the server is ready.
 * @throws with the server's output if it does not become ready
 */
export async function start(adapter: Adapter): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), `bench-${adapter.name}-`));
  const log = join(folder, "output.log");
  const port = freePort();
  const child = Bun.spawn(await adapter.command(port, folder), {
    cwd: folder,
    env: { ...process.env, ...adapter.environment },
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(log),
  });
  const dispose = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  const until = performance.now() + READY_TIMEOUT_MS;
  while (!(await isReady(port, adapter.ready))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > until) {
      await end(child);
      const output = (await Bun.file(log).text()).trim().slice(-2_000);
      await dispose();
      throw new Error(`${adapter.name} did not start: ${output || "no output"}`);
    }
    await Bun.sleep(POLL_MS);
  }
  return { port, [Symbol.asyncDispose]: dispose };
}
