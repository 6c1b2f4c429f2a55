// Builds the client into one file: dist/client.js, with its types beside it; and dist/react.js, the hooks.
import { join } from "node:path";
import { minify, type MinifyOptions } from "terser";

const root = join(import.meta.dir, "..");

/** Terser takes 5 % off what Bun's minifier leaves. No function here is called with `new` but classes. */
const SMALLEST: MinifyOptions = { module: true, ecma: 2020, compress: { passes: 3, unsafe_arrows: true } };

/** The client, minified, as one file without imports. */
export async function buildClient(entry = "index.ts"): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [join(root, "src/client", entry)],
    target: "browser",
    minify: true,
    external: ["react"],
  });
  const { code = "" } = await minify((await outputs[0]?.text()) ?? "", SMALLEST);
  return code;
}

if (import.meta.main) {
  await Bun.write(join(root, "dist/client.js"), await buildClient());
  await Bun.write(join(root, "dist/react.js"), await buildClient("react.ts"));
  await Bun.$`bun x tsc -p tsconfig.client.json`.cwd(root);
  await Bun.write(join(root, "dist/client.d.ts"), 'export * from "./types/client/index.d.ts";\n');
  await Bun.write(join(root, "dist/react.d.ts"), 'export * from "./types/client/react.d.ts";\n');
}
