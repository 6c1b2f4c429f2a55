// What the native peers share: where they are installed, in which version, and commands that show their progress.
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Installable } from "../adapter.ts";

/** Ignored by git: all that is downloaded or built goes there. */
export const peersFolder = join(import.meta.dir, "../.peers");

const TAIL_LINES = 12;

export type Log = (line: string) => void;

export interface Build {
  /** Its folder below the ignored one. */
  name: string;
  /** Exactly this one is installed. */
  version: string;
  /** The executable, below its folder. */
  program: string;
  /** Files of ours that it is built from: when they change, it is built again. */
  sources?: string[];
  blocked(): string | undefined;
  build(folder: string, log: Log): Promise<void>;
}

const folderOf = ({ name }: Build) => join(peersFolder, name);

export const programOf = (build: Build) => join(folderOf(build), build.program);

/** Names the version, and the state of our sources if there are any. */
function stampOf({ version, sources = [] }: Build): string {
  if (sources.length === 0) return version;
  const hash = new Bun.CryptoHasher("sha256");
  for (const source of sources) hash.update(readFileSync(source));
  return `${version} ${hash.digest("hex")}`;
}

function isInstalled(build: Build): boolean {
  const stamp = join(folderOf(build), "installed");
  return existsSync(programOf(build)) && existsSync(stamp) && readFileSync(stamp, "utf8") === stampOf(build);
}

export const missingBuild = (build: Build) =>
  isInstalled(build) ? undefined : "not installed: bun bench peers";

export const versionOf = (build: Build) => (isInstalled(build) ? build.version : undefined);

export function installable(build: Build): Installable {
  return {
    name: build.name,
    installed: () => isInstalled(build),
    blocked: () => build.blocked(),
    async install(log) {
      await mkdir(dirname(programOf(build)), { recursive: true });
      await build.build(folderOf(build), log);
      if (!existsSync(programOf(build))) throw new Error(`the build made no ${build.program}`);
      await Bun.write(join(folderOf(build), "installed"), stampOf(build));
    },
  };
}

/** The first of these tools that this machine lacks, if it lacks one. */
export function lacking(...tools: string[]): string | undefined {
  const tool = tools.find((name) => !Bun.which(name));
  return tool && `${tool} is not installed`;
}

async function readLines(stream: ReadableStream<Uint8Array>, take: Log): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim()) take(line);
  }
  if (rest.trim()) take(rest);
}

/** Runs a command at low priority, line by line into the log. @throws with its last lines when it fails */
export async function run(
  command: string[],
  log: Log,
  { cwd, environment = {} }: { cwd?: string; environment?: Record<string, string> } = {},
): Promise<void> {
  const nice = Bun.which("nice");
  const child = Bun.spawn(nice ? [nice, "-n", "10", ...command] : command, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const tail: string[] = [];
  const take = (line: string) => {
    log(line);
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
  };
  await Promise.all([readLines(child.stdout, take), readLines(child.stderr, take)]);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command.slice(0, 2).join(" ")} ended with ${code}:\n${tail.join("\n")}`);
}
