// Starts child processes, pins each to a core, and ends each by its process id.
import type { Subprocess } from "bun";

const taskset = Bun.which("taskset");
const cores = navigator.hardwareConcurrency;
const running = new Set<Subprocess>();
const EXIT_TIMEOUT_MS = 3_000;

export const SERVER_CORE = 0;
export const GENERATOR_CORE = 1;

/** The reason why the processes are not pinned; undefined if they are. */
export const pinning: string | undefined =
  cores < 2
    ? "only one core: server and generator share it"
    : taskset === null
      ? "taskset not found: server and generator are not pinned to separate cores"
      : undefined;

/** Starts a helper process for the runner, on any core. */
export function startFree(command: string[]) {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  running.add(child);
  void child.exited.then(() => running.delete(child));
  return child;
}

export function startChild(
  command: string[],
  core: number,
  {
    environment = {},
    stdin = "ignore",
  }: { environment?: Record<string, string>; stdin?: "ignore" | "pipe" } = {},
) {
  const pinned = pinning === undefined ? [taskset!, "-c", String(core), ...command] : command;
  const child = Bun.spawn(pinned, {
    env: { ...process.env, ...environment },
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
  running.add(child);
  void child.exited.then(() => running.delete(child));
  return child;
}

/** Sends SIGTERM, and then SIGKILL if the process does not exit in time. */
export async function endChild(child: Subprocess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
  await child.exited;
  clearTimeout(timer);
}

export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Yields the lines of a stream as they arrive. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
}

/** Collects the last output of a stream, for error messages. */
export function lastOutputOf(stream: ReadableStream<Uint8Array>, limit = 2_000): () => string {
  let text = "";
  void (async () => {
    for await (const line of linesOf(stream)) text = `${text}${line}\n`.slice(-limit);
  })();
  return () => text.trim();
}
