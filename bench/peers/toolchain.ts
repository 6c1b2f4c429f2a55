// Shared parts of the native peers: installation folders, versions, and commands that report their progress.
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Installable } from "../adapter.ts";

/** Ignored by Git. Contains everything that is downloaded or built. */
export const peersFolder = join(import.meta.dir, "../.peers");

const ERROR_LINES = 12;

export type Log = (line: string) => void;

export interface Build {
  /** Folder name below `peersFolder`. */
  name: string;
  /** The exact version to install. */
  version: string;
  /** Path of the executable within its folder. */
  program: string;
  /** Our source files. A change in one of them triggers a new build. */
  sources?: string[];
  blocked(): string | undefined;
  build(folder: string, log: Log): Promise<void>;
}

const folderOf = ({ name }: Build) => join(peersFolder, name);

export const programOf = (build: Build) => join(folderOf(build), build.program);

/** Returns a string that changes with the version and with the contents of our source files, if there are any. */
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
      if (!existsSync(programOf(build))) throw new Error(`the build did not produce ${build.program}`);
      await Bun.write(join(folderOf(build), "installed"), stampOf(build));
    },
  };
}

/** Reports the first of these tools that is not installed; undefined if all are. */
export function missingTool(...tools: string[]): string | undefined {
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

/**
 * Runs a command at low priority and sends its output to `log`, line by line.
 * @throws with the last lines of output if the command fails
 */
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
  const lastLines: string[] = [];
  const take = (line: string) => {
    log(line);
    lastLines.push(line);
    if (lastLines.length > ERROR_LINES) lastLines.shift();
  };
  await Promise.all([readLines(child.stdout, take), readLines(child.stderr, take)]);
  const code = await child.exited;
  if (code !== 0)
    throw new Error(
      `${command.slice(0, 2).join(" ")} failed with exit code ${code}:\n${lastLines.join("\n")}`,
    );
}
