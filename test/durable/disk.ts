// A disk of a few MiB that a test can fill or make read-only, if this machine allows mounting.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanup } from "../support/cleanup.ts";
import { folder } from "../support/process.ts";

function mount(...args: string[]): boolean {
  return spawnSync("mount", args, { stdio: "ignore" }).status === 0;
}

/** Mounts a disk and returns its folder. The disk is removed after the test. */
export function smallDisk(size: string): string {
  const path = join(folder(), "disk");
  mkdirSync(path);
  if (!mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path)) throw new Error("it could not be mounted");
  cleanup(() => void spawnSync("umount", ["-l", path]));
  return path;
}

export function makeReadOnly(path: string): void {
  if (!mount("-o", "remount,ro", path)) throw new Error("it could not be made read-only");
}

/** The reason why this machine cannot mount a disk, or undefined if it can. */
export const noDisk = canMount() ? undefined : "this machine lets nobody but root mount a file system";

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const probe = join(tmpdir(), `thump-mount-${process.pid}`);
  mkdirSync(probe, { recursive: true });
  const can = mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", probe);
  if (can) spawnSync("umount", ["-l", probe]);
  spawnSync("rmdir", [probe]);
  return can;
}
