// Starts the examples as their READMEs describe, on a free port.
import { join } from "node:path";
import { cleanup } from "../support/cleanup.ts";
import { folder, startFile } from "../support/process.ts";

export const EXAMPLES = join(import.meta.dir, "../../examples");

/** Starts an example, and stops it after the test. */
export const startExample = (name: string, ...args: string[]) =>
  startFile(join(EXAMPLES, name), folder(), { PORT: "0" }, args);

/** Starts a program, and stops it after the test. */
export function startProgram(command: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
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

/** The output and exit code of a program, once it has exited. */
export async function ended(child: ReturnType<typeof startProgram>) {
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { out, err, code: await child.exited };
}

/** Runs a program until it exits. */
export const runProgram = (command: string[], env: Record<string, string> = {}) =>
  ended(startProgram(command, env));
