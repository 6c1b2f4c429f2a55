// Runs one test file with `bun test` in a separate process, and reads counts and skipped tests from the output.

/** On a busy machine, tests that start servers or browsers need more time than Bun's default of 5 seconds. */
const TIMEOUT_MS = 60_000;

export interface SkippedTest {
  name: string;
  /** The reason, taken from the end of the test's name: `[skipped: …]`. */
  reason: string | undefined;
}

export interface FileResult {
  file: string;
  passed: number;
  failed: number;
  skipped: SkippedTest[];
  /** The names of failed tests. */
  failures: string[];
  /** Number of long tests that ran, and number of long tests in the file. */
  long: { played: number; total: number };
  seconds: number;
  /** CPU time of the process and of the child processes that it waited for. */
  cpuSeconds: number;
  output: string;
}

export interface RunOptions {
  cwd: string;
  env: Record<string, string | undefined>;
  /** Further options for `bun test`. */
  options: string[];
  /** The running processes. */
  children: Set<Bun.Subprocess>;
}

export async function runFile(file: string, run: RunOptions): Promise<FileResult> {
  const began = performance.now();
  // With --no-orphans, servers and browsers that a test started end with its process, even after a crash or Ctrl-C.
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
  // Bun lists skipped and failed tests again at the end of its output, so identical lines count as one test.
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
    // A file that does not load, or whose process crashes, counts as one failure even if no test failed.
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
