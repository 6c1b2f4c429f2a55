// Tests that need something which the machine may lack. The name of a skipped test ends with the reason; the runner
// lists it, and fails if there is none.
import { describe, test } from "bun:test";

export const notLinux = process.platform === "linux" ? undefined : "Linux only";
export const isRoot = process.getuid?.() === 0 ? "root may do everything" : undefined;

/** Why a program cannot be used, if so. @param debianPackage the Debian package, if its name differs */
export function noProgram(name: string, debianPackage = name): string | undefined {
  return Bun.which(name)
    ? undefined
    : `no ${name} on this machine (Debian: apt-get install ${debianPackage})`;
}

const because = (reason: string) => ` [skipped: ${reason}]`;

/** `test`, or a skipped test. @param missing why it cannot run here; undefined if it can */
export function testIf(missing: string | undefined) {
  return (name: string, run: () => void | Promise<void>, timeout?: number): void =>
    missing === undefined ? test(name, run, timeout) : test.skip(name + because(missing), run, timeout);
}

/** The same for `describe`. */
export function describeIf(missing: string | undefined) {
  return (name: string, define: () => void): void =>
    missing === undefined ? describe(name, define) : describe.skip(name + because(missing), define);
}
