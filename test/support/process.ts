// The server as a process of its own, started the way people start it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanup } from "./server.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** An empty folder, with these files, that goes with the test. */
export function folder(files: Record<string, string> = {}): string {
  const path = mkdtempSync(join(tmpdir(), "thump-test-"));
  cleanup(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

export interface Started {
  process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** Its first lines, up to the one that names the URL. */
  banner: string;
  port: number;
  url: string;
}

function spawn(args: string[], env: Record<string, string>, cwd: string) {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  cleanup(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  return child;
}

/** Starts a server and waits until it listens. */
export async function startProcess(
  args: string[] = ["--port", "0"],
  env: Record<string, string> = {},
  cwd = folder(),
): Promise<Started> {
  const child = spawn(args, env, cwd);
  let banner = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    banner += decoder.decode(chunk, { stream: true });
    const [, url, port] = /on (http:\/\/[^\s:]+:([0-9]+))/.exec(banner) ?? [];
    if (url && port) return { process: child, banner, port: Number(port), url };
  }
  throw new Error(`it did not start: ${banner}${await new Response(child.stderr).text()}`);
}

/** Runs it to its end. */
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
