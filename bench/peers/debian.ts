// Unpacks Debian packages into a folder, without root privileges and without installing them into the system.
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Log, missingTool, run } from "./toolchain.ts";

const RELEASE = "bookworm";
const OS_RELEASE = "/etc/os-release";

/** The reason why the packages cannot be used here; undefined if they can. */
export function notDebian(): string | undefined {
  const described = existsSync(OS_RELEASE) ? readFileSync(OS_RELEASE, "utf8") : "";
  if (!described.includes(`VERSION_CODENAME=${RELEASE}`))
    return "the build uses packages of Debian 12, which this machine does not run";
  return missingTool("apt-get", "dpkg");
}

/** Downloads and unpacks packages, each with its version: "nginx=1.22.1-9". */
export async function unpack(packages: string[], folder: string, log: Log): Promise<void> {
  const downloads = join(folder, "downloads");
  await rm(downloads, { recursive: true, force: true });
  await mkdir(downloads, { recursive: true });
  // Otherwise, apt run by root would download as a user that cannot write to this folder.
  await run(["apt-get", "download", "-o", "APT::Sandbox::User=root", ...packages], log, { cwd: downloads });
  for (const name of await readdir(downloads)) await run(["dpkg", "-x", join(downloads, name), folder], log);
  await rm(downloads, { recursive: true });
}

/** Returns the folder of the unpacked libraries, whose name depends on the processor. */
export async function librariesIn(folder: string): Promise<string> {
  const libraries = join(folder, "usr/lib");
  const name = (await readdir(libraries)).find((entry) => entry.endsWith("-linux-gnu"));
  if (name === undefined) throw new Error(`no libraries in ${libraries}`);
  return join(libraries, name);
}
