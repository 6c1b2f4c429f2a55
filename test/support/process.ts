// Starts the server as a separate process, as users do.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collect, Inbox } from "./clients.ts";
import { cleanup } from "./cleanup.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** Creates a folder with these files, which is deleted after the test. */
export function folder(files: Record<string, string> = {}): string {
  const path = mkdtempSync(join(tmpdir(), "thump-test-"));
  cleanup(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

export interface Started {
  process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** Lines of standard output. */
  out: Inbox<string>;
  port: number;
  url: string;
}

/** Path of the server that the test runner has compiled. The compiled server starts in a quarter of the time. */
const BINARY = process.env["THUMP_BINARY"];

/** The command that starts `thump` from its source. */
export const SOURCE = [process.execPath, MAIN];

/** The command that starts `thump`: the compiled server if there is one, otherwise the source. */
export const THUMP = BINARY ? [BINARY] : SOURCE;

/** The environment of a command: this process's PATH and the given variables. */
export const environment = (env: Record<string, string>): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  ...env,
});

/**
 * Starts a server without waiting until it is ready. The server is killed when the test ends.
 * @param file a program that contains a server, instead of `thump`
 */
export function spawn(args: string[], env: Record<string, string>, cwd: string, file?: string) {
  return launch([...(file === undefined ? THUMP : [process.execPath, file]), ...args], env, cwd);
}

/** Starts a program that is killed when the test ends. Its environment consists of PATH and the given variables. */
export function launch(command: string[], env: Record<string, string> = {}, cwd?: string) {
  const child = Bun.spawn(command, {
    ...(cwd === undefined ? {} : { cwd }),
    env: environment(env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  killAfter(child);
  return child;
}

/** Kills the process at the end of the test. */
export function killAfter(child: Bun.Subprocess): void {
  cleanup(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
}

/** Starts a server and waits until it listens. */
export function startProcess(
  args: string[] = ["--port", "0"],
  env: Record<string, string> = {},
  cwd = folder(),
): Promise<Started> {
  return listening(spawn(args, env, cwd));
}

/** Starts a program that contains a server and prints its address as `thump` does. */
export function startFile(
  file: string,
  cwd: string,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<Started> {
  return listening(spawn(args, env, cwd, file));
}

/** Resolves once the server has printed its address. */
export async function listening(child: ReturnType<typeof spawn>): Promise<Started> {
  const out = new Inbox<string>();
  // Read all output, because a process whose output is closed would not stop cleanly.
  const ended = collect(child.stdout, out);
  const address = (line: string) => / on (https?:\/\/[^\s:]+:([0-9]+))/.exec(line);
  await Promise.race([out.until((lines) => lines.some(address)), ended]);
  const [, url, port] = out.all.map(address).find(Boolean) ?? [];
  if (!url) throw new Error(`the server did not start: ${await new Response(child.stderr).text()}`);
  return { process: child, out, port: Number(port), url };
}

/** Runs the server until it exits. */
export async function runProcess(
  args: string[],
  env: Record<string, string> = {},
  cwd = folder(),
): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(args, env, cwd);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}
