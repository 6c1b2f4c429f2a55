// The config file: TypeScript or JSON, read anew each time.
import { existsSync, realpathSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import * as typebox from "typebox";
import { checkOptions } from "./options-schema.ts";
import { defineConfig, type Options, OptionsError } from "./options.ts";

/** Where our own modules are. */
const OWN_MODULES = resolve(import.meta.dir, "../..") + sep;

/**
 * The options in a file, or in the one that is there by its usual name; none when there is none.
 * @throws OptionsError
 */
export async function readFile(named: string | undefined, cwd: string): Promise<Options> {
  const path = named
    ? resolve(cwd, named)
    : ["thump.config.ts", "thump.config.json"]
        .map((name) => resolve(cwd, name))
        .find((candidate) => existsSync(candidate));
  if (!path) return {};
  if (!existsSync(path)) throw new OptionsError(`${path}: there is no such file`);
  let value: unknown;
  try {
    offerModules();
    // Modules go by their true names; Bun remembers where a link led.
    const file = realpathSync(path);
    forgetModules(file);
    value = path.endsWith(".json")
      ? parseJson(await Bun.file(path).bytes())
      : ((await import(file)) as { default?: unknown }).default;
  } catch (error) {
    throw new OptionsError(`${path}: ${(error as Error).message}`);
  }
  if (value === undefined)
    throw new OptionsError(`${path}: has no default export; write export default defineConfig({ … })`);
  return checkOptions(value, path);
}

/** As UTF-8, or not at all: a secret in another encoding would become a different one. */
function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

/** A config file, and what it imports from its own folder, is read anew: it may have changed since. */
function forgetModules(file: string): void {
  const folder = dirname(file) + sep;
  for (const path of Object.keys(require.cache)) {
    const others = path.startsWith(OWN_MODULES) || path.includes(`${sep}node_modules${sep}`);
    if (path.startsWith(folder) && !others) delete require.cache[path];
  }
}

let offered = false;

/** What a config file imports comes from here: beside the compiled binary there is no node_modules. */
function offerModules(): void {
  if (offered) return;
  offered = true;
  Bun.plugin({
    name: "thump-config",
    setup(build) {
      build.module("thump", () => ({ exports: { defineConfig }, loader: "object" }));
      build.module("typebox", () => ({ exports: { ...typebox }, loader: "object" }));
    },
  });
}
