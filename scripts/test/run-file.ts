// Runs one test file with `bun test` in a process of its own, and reads the counts and the skipped tests from its output.

/** A test needs longer than Bun's default of 5 seconds if it starts servers or browsers on a busy machine. */
const TIMEOUT_MS = 60_000;

export interface SkippedTest {
  name: string;
  /** Why, from the end of the name: `[skipped: …]`. */
  reason: string | undefined;
}

export interface FileResult {
  file: string;
  passed: number;
  failed: number;
  skipped: SkippedTest[];
  /** The names of failed tests. */
  failures: string[];
  /** Long tests: how many were played, and how many the file has. */
  long: { played: number; total: number };
  seconds: number;
  /** Processor time of the process, and of those that it started and waited for. */
  cpuSeconds: number;
  output: string;
}

export interface RunOptions {
  cwd: string;
  env: Record<string, string | undefined>;
  /** Further options for `bun test`. */
  options: string[];
  /** Processes that run. */
  children: Set<Bun.Subprocess>;
}

export async function runFile(file: string, run: RunOptions): Promise<FileResult> {
  const began = performance.now();
  // With --no-orphans, servers and browsers that a test started end with its process, also after a crash or Ctrl-C.
  const args = ["test", "--no-orphans", `--timeout=${TIMEOUT_MS}`, ...run.options, `./${file}`];
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: run.cwd,
    env: run.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  run.children.add(child);
  const pieces: string[] = [];
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) pieces.push(decoder.decode(chunk, { stream: true }));
  };
  await Promise.all([read(child.stdout), read(child.stderr), child.exited]);
  run.children.delete(child);
  const seconds = (performance.now() - began) / 1000;
  const cpuSeconds = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
  return { file, seconds, cpuSeconds, ...readOutput(pieces.join(""), child.exitCode) };
}

type Counts = Omit<FileResult, "file" | "seconds" | "cpuSeconds">;

function readOutput(output: string, exitCode: number | null): Counts {
  const count = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}$`, "m").exec(output)?.[1] ?? 0);
  // Bun repeats skipped and failed tests at the end: the same line is one test.
  const named = (mark: string) => [
    ...new Set(
      [...output.matchAll(new RegExp(`^\\(${mark}\\) (.*?)(?: \\[[\\d.]+m?s\\])?$`, "gm"))].map(
        ([, name = ""]) => name,
      ),
    ),
  ];
  const long = [...output.matchAll(/^\(long\) (\d+) of (\d+)$/gm)];
  const total = (group: number) => long.reduce((sum, match) => sum + Number(match[group]), 0);
  const failures = named("fail");
  const failed = Math.max(count("fail"), failures.length);
  return {
    passed: count("pass"),
    // A file that does not load, or whose process crashes, is a failure without a failed test.
    failed: exitCode !== 0 && failed === 0 ? 1 : failed,
    failures,
    skipped: named("skip").map((name) => {
      const [, reason] = /\[skipped: ([^\]]+)\]/.exec(name) ?? [];
      return { name: name.replace(/ ?\[skipped: [^\]]+\]/, ""), reason };
    }),
    long: { played: total(1), total: total(2) },
    output,
  };
}
