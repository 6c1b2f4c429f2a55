// Registers tests that are skipped if the machine lacks a prerequisite. The name of a skipped test ends with the
// reason. The runner lists the reasons, and fails if a skipped test has none.
import { describe, test } from "bun:test";

export const notLinux = process.platform === "linux" ? undefined : "Linux only";
export const isRoot = process.getuid?.() === 0 ? "root bypasses file permissions" : undefined;

/**
 * The reason why a program cannot be used; undefined if it can.
 * @param debianPackage the Debian package, if its name differs
 */
export function noProgram(name: string, debianPackage = name): string | undefined {
  return Bun.which(name)
    ? undefined
    : `no ${name} on this machine (Debian: apt-get install ${debianPackage})`;
}

const because = (reason: string) => ` [skipped: ${reason}]`;

/**
 * Returns `test`, or a function that registers a skipped test.
 * @param missing the reason why the test cannot run here; undefined if it can
 */
export function testIf(missing: string | undefined) {
  return (name: string, run: () => void | Promise<void>, timeout?: number): void =>
    missing === undefined ? test(name, run, timeout) : test.skip(name + because(missing), run, timeout);
}

/** Like `testIf`, for `describe`. */
export function describeIf(missing: string | undefined) {
  return (name: string, define: () => void): void =>
    missing === undefined ? describe(name, define) : describe.skip(name + because(missing), define);
}
