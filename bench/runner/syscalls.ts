// Counts the system calls of a process, if `perf` is installed and permitted.
import { startFree } from "./children.ts";

const perf = Bun.which("perf");

/** Returns the number of system calls that `pid` makes during `work`, or undefined if they cannot be counted. */
export async function countSyscalls(pid: number, work: () => Promise<void>): Promise<number | undefined> {
  if (perf === null) return undefined;
  const child = startFree([perf, "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", String(pid)]);
  const output = new Response(child.stderr).text();
  await work();
  // perf prints its count when it is interrupted.
  child.kill("SIGINT");
  const count = /^(\d+),[^\n]*raw_syscalls:sys_enter/m.exec(await output)?.[1];
  return count === undefined ? undefined : Number(count);
}
