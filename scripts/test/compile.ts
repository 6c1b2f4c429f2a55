// Compiles the server for tests that start it as a process. With bytecode, the server starts in a quarter of the time.
import { join } from "node:path";

/** @returns the path of the binary */
export async function compile(root: string): Promise<string> {
  const outfile = join(root, "node_modules/.cache/thump-test");
  const result = await Bun.build({
    entrypoints: ["src/main.ts", "src/log/sqlite/worker.ts"].map((path) => join(root, path)),
    target: "bun",
    format: "esm",
    bytecode: true,
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
  });
  if (!result.success) throw new AggregateError(result.logs, "the server does not compile");
  return outfile;
}
