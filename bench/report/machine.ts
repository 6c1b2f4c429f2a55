// Describes the machine that runs the benchmark.
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import type { Machine } from "../results.ts";

function congestion(): string {
  try {
    return readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "latin1").trim();
  } catch {
    return "unknown";
  }
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${release()} ${process.arch}`,
    congestion: congestion(),
    bun: `${Bun.version}+${Bun.revision.slice(0, 9)}`,
    date: new Date().toISOString(),
  };
}

export function describe(m: Machine): string {
  return (
    `${m.cores} × ${m.cpu}, ${m.memoryGiB} GiB, ${m.kernel}, ` +
    `tcp ${m.congestion}, bun ${m.bun}, ${m.date}`
  );
}
