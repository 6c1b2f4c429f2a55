// Data folder permissions: only the owner has access, regardless of the umask or permissions from an earlier version.
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/command.ts";
import { testIf } from "../support/skip.ts";
import { folder, type Started, startProcess, THUMP } from "../support/process.ts";

const NOBODY = 65534;
const canSwitchUser = process.getuid?.() === 0 && Bun.which("setpriv") !== null;

/** The permissions of a file or folder, in octal. */
function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function modesIn(dir: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir)
      .toSorted()
      .map((name) => [name, modeOf(join(dir, name))]),
  );
}

/** Runs an action with a umask, which child processes inherit. */
async function withUmask<T>(mask: number, action: () => Promise<T>): Promise<T> {
  const before = process.umask(mask);
  try {
    return await action();
  } finally {
    process.umask(before);
  }
}

async function serve(dir: string): Promise<Started> {
  const started = await startProcess(["--port", "0", "--no-demo", "--data", dir]);
  const { status } = await fetch(`${started.url}/rooms/r`, { method: "POST", body: "kept" });
  expect(status).toBe(201);
  return started;
}

/** True if another user can open the file for reading, which would be enough to lock it. */
async function isOpenToNobody(path: string): Promise<boolean> {
  const user = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const child = Bun.spawn([...user, "sh", "-c", 'exec 3< "$1"', "sh", path], { stderr: "ignore" });
  return (await child.exited) === 0;
}

const FILES = ["thump.db", "thump.db-shm", "thump.db-wal", "thump.lock", "thump.lock-journal"];
const PRIVATE = Object.fromEntries(FILES.map((name) => [name, "600"]));

test.each([0o000, 0o022, 0o077])(
  "umask %o: only the owner has access to the folder, its files and a backup",
  async (mask) => {
    const parent = folder();
    const data = join(parent, "above", "data");
    const copy = join(parent, "copy.db");
    await withUmask(mask, async () => {
      await serve(data);
      expect((await run(["backup", copy], { THUMP_DATA: data })).code).toBe(0);
    });
    expect([modeOf(join(data, "..")), modeOf(data)]).toEqual(["700", "700"]);
    expect(modesIn(data)).toEqual(PRIVATE);
    expect(modeOf(copy)).toBe("600");
  },
);

test("a folder with a wider mode keeps it; the server's files become private", async () => {
  const data = folder();
  chmodSync(data, 0o755);
  const first = await serve(data);
  first.process.kill("SIGKILL");
  await first.process.exited;
  expect(Object.keys(modesIn(data))).toEqual(FILES);
  for (const name of readdirSync(data)) chmodSync(join(data, name), 0o644);
  mkdirSync(join(data, "theirs"), { mode: 0o755 });
  await serve(data);
  expect(modeOf(data)).toBe("755");
  expect(modesIn(data)).toEqual({ theirs: "755", ...PRIVATE });
});

test("the server does not start on a different program's database, whose mode stays", async () => {
  const data = folder();
  const file = join(data, "thump.db");
  await Bun.write(file, "not a database, but long enough to be looked at".repeat(99));
  chmodSync(file, 0o644);
  const child = Bun.spawn([...THUMP, "--port", "0", "--no-demo", "--data", data], {
    stdout: "ignore",
    stderr: "ignore",
  });
  expect([await child.exited, modeOf(file)]).toEqual([1, "644"]);
});

testIf(canSwitchUser ? undefined : "not root, or there is no setpriv")(
  "another user cannot open any file, including the lock",
  async () => {
    const parent = folder();
    // The folder already exists, with access for everyone. The files in it are still private.
    const data = join(parent, "data");
    mkdirSync(data);
    for (const each of [parent, data]) chmodSync(each, 0o755);
    await withUmask(0o022, () => serve(data));
    const copy = join(parent, "copy.db");
    expect((await withUmask(0o022, () => run(["backup", copy], { THUMP_DATA: data }))).code).toBe(0);
    const files = [...FILES.map((name) => join(data, name)), copy];
    const opened = await Promise.all(files.map(async (file) => [file, await isOpenToNobody(file)]));
    expect(opened).toEqual(files.map((file) => [file, false]));
    const open = join(data, "open");
    await Bun.write(open, "");
    chmodSync(open, 0o644);
    expect(await isOpenToNobody(open)).toBe(true);
  },
);
