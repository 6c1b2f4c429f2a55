// Packages of Debian, unpacked into a folder: nothing is installed into the system, and no root is needed.
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Log, lacking, run } from "./toolchain.ts";

const RELEASE = "bookworm";
const OS_RELEASE = "/etc/os-release";

/** Why these packages cannot be had here, if they cannot. */
export function notDebian(): string | undefined {
  const described = existsSync(OS_RELEASE) ? readFileSync(OS_RELEASE, "utf8") : "";
  if (!described.includes(`VERSION_CODENAME=${RELEASE}`))
    return "this machine is not Debian 12, whose packages it is made of";
  return lacking("apt-get", "dpkg");
}

/** Unpacks packages, each named with its version: "nginx=1.22.1-9". */
export async function unpack(packages: string[], folder: string, log: Log): Promise<void> {
  const downloads = join(folder, "downloads");
  await rm(downloads, { recursive: true, force: true });
  await mkdir(downloads, { recursive: true });
  // As root, apt would download as a user that may not write here.
  await run(["apt-get", "download", "-o", "APT::Sandbox::User=root", ...packages], log, { cwd: downloads });
  for (const name of await readdir(downloads)) await run(["dpkg", "-x", join(downloads, name), folder], log);
  await rm(downloads, { recursive: true });
}

/** The folder of the libraries among what was unpacked, whose name depends on the processor. */
export async function librariesIn(folder: string): Promise<string> {
  const libraries = join(folder, "usr/lib");
  const name = (await readdir(libraries)).find((entry) => entry.endsWith("-linux-gnu"));
  if (name === undefined) throw new Error(`there are no libraries in ${libraries}`);
  return join(libraries, name);
}
