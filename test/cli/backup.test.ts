// `thump backup` as a command, applied to the data of a running server.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../support/command.ts";
import { folder, startProcess } from "../support/process.ts";

test("copies a running server's data, and a different server starts from the copy", async () => {
  const cwd = folder();
  const data = join(cwd, "data");
  const { url } = await startProcess(["--port", "0", "--data", data]);
  await fetch(`${url}/rooms/r`, { method: "POST", body: "kept" });
  const copy = join(folder(), "thump.db");
  const { code, out } = await run(["backup", copy, "--json"], { THUMP_DATA: data });
  expect([code, JSON.parse(out)]).toEqual([0, { file: copy, publications: 1, bytes: expect.any(Number) }]);
  const restored = await startProcess(["--port", "0", "--data", join(copy, "..")]);
  const { messages } = (await (await fetch(`${restored.url}/rooms/r`)).json()) as { messages: object[] };
  expect(messages).toEqual([expect.objectContaining({ data: "kept" })]);
});

test.each<[args: string[], env: Record<string, string>, part: string]>([
  [["copy.db"], {}, "--data"],
  [[], { THUMP_DATA: "d" }, "file"],
  [["a", "b"], { THUMP_DATA: "d" }, "too many"],
  [["copy.db", "--data", "none"], {}, "none"],
])("backup %j: exit code 2, and the reason in one line", async (args, env, part) => {
  const { code, out, err } = await run(["backup", ...args], env);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toStartWith("thump: ");
  expect(err).toContain(part);
  expect(err.split("\n")).toHaveLength(1);
});
