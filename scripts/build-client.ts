// Builds the client (dist/client.js, with its type declarations) and the React hooks (dist/react.js), one file each.
import { join } from "node:path";
import { minify, type MinifyOptions } from "terser";

const root = join(import.meta.dir, "..");

/** Shrinks Bun's minified output by 5 %. `unsafe_arrows` is safe because only classes are called with `new`. */
const SMALLEST: MinifyOptions = { module: true, ecma: 2020, compress: { passes: 3, unsafe_arrows: true } };

/** Returns the minified client as one file without imports. */
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
