// The processes the benchmark starts: pinned to a core, and ended by their own id.
import type { Subprocess } from "bun";

const taskset = Bun.which("taskset");
const cores = navigator.hardwareConcurrency;
const running = new Set<Subprocess>();
const QUIET_EXIT = 3_000;

export const SERVER_CORE = 0;
export const GENERATOR_CORE = 1;

/** Why the processes are not pinned, if they are not. */
export const pinning: string | undefined =
  cores < 2
    ? "one core only: server and generator share it"
    : taskset === null
      ? "taskset not found: server and generator are not pinned to a core each"
      : undefined;

/** A helper of the runner, on whatever core is free. */
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

/** Asks a process to end, and makes it end when it does not. */
export async function endChild(child: Subprocess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), QUIET_EXIT);
  await child.exited;
  clearTimeout(timer);
}

export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** The lines of a stream as they come. */
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

/** Collects the end of a stream, for error messages. */
export function tailOf(stream: ReadableStream<Uint8Array>, limit = 2_000): () => string {
  let text = "";
  void (async () => {
    for await (const line of linesOf(stream)) text = `${text}${line}\n`.slice(-limit);
  })();
  return () => text.trim();
}
