// The examples, started as their READMEs say, on a free port.
import { join } from "node:path";
import { cleanup } from "../support/cleanup.ts";
import { folder, startFile } from "../support/process.ts";

export const EXAMPLES = join(import.meta.dir, "../../examples");

/** Starts an example; it goes with the test. */
export const startExample = (name: string, ...args: string[]) =>
  startFile(join(EXAMPLES, name), folder(), { PORT: "0" }, args);

/** Runs a program of an example to its end. */
export async function runProgram(command: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  cleanup(() => child.kill("SIGKILL"));
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { out, err, code: await child.exited };
}
