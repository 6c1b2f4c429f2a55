// Counts a process' system calls, where `perf` is installed and allowed to.
import { startFree } from "./children.ts";

const perf = Bun.which("perf");

/** System calls of `pid` while `work` goes on; undefined where they cannot be counted. */
export async function countSyscalls(pid: number, work: () => Promise<void>): Promise<number | undefined> {
  if (perf === null) return undefined;
  const child = startFree([perf, "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", String(pid)]);
  const output = new Response(child.stderr).text();
  await work();
  // perf says what it has counted when it is interrupted.
  child.kill("SIGINT");
  const count = /^(\d+),[^\n]*raw_syscalls:sys_enter/m.exec(await output)?.[1];
  return count === undefined ? undefined : Number(count);
}
