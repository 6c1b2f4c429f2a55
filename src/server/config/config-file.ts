// Reads the config file, which is TypeScript or JSON. Every call reads the file again.
import { existsSync, realpathSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import * as typebox from "typebox";
import { checkOptions } from "./options-schema.ts";
import { defineConfig, type Options, OptionsError } from "./options.ts";

/** Folder of Thump's own modules. */
const OWN_MODULES = resolve(import.meta.dir, "../..") + sep;

/**
 * Reads options from a file.
 * @param named path of the file; undefined for `thump.config.ts` or `thump.config.json` in `cwd`, if one of them exists
 * @throws OptionsError
 */
export async function readFile(named: string | undefined, cwd: string): Promise<Options> {
  const path = named
    ? resolve(cwd, named)
    : ["thump.config.ts", "thump.config.json"]
        .map((name) => resolve(cwd, name))
        .find((candidate) => existsSync(candidate));
  if (!path) return {};
  if (!existsSync(path)) throw new OptionsError(`${path}: no such file`);
  let value: unknown;
  try {
    provideModules();
    // Bun caches modules by their real path, so links are resolved first.
    const file = realpathSync(path);
    clearModuleCache(file);
    value = path.endsWith(".json")
      ? parseJson(await Bun.file(path).bytes())
      : ((await import(file)) as { default?: unknown }).default;
  } catch (error) {
    throw new OptionsError(`${path}: ${(error as Error).message}`);
  }
  if (value === undefined)
    throw new OptionsError(`${path}: has no default export; use export default defineConfig({ … })`);
  return checkOptions(value, path);
}

/** Decodes strictly: a secret with replacement characters would be a different secret. */
function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

/** Clears Bun's module cache for the file, and for the modules in its folder. */
function clearModuleCache(file: string): void {
  const folder = dirname(file) + sep;
  for (const path of Object.keys(require.cache)) {
    const others = path.startsWith(OWN_MODULES) || path.includes(`${sep}node_modules${sep}`);
    if (path.startsWith(folder) && !others) delete require.cache[path];
  }
}

let provided = false;

/** Provides `thump` and `typebox` to config files, because the compiled binary has no node_modules. */
function provideModules(): void {
  if (provided) return;
  provided = true;
  Bun.plugin({
    name: "thump-config",
    setup(build) {
      build.module("thump", () => ({ exports: { defineConfig }, loader: "object" }));
      build.module("typebox", () => ({ exports: { ...typebox }, loader: "object" }));
    },
  });
}
