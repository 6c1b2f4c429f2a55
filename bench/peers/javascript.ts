// Shared parts of the JavaScript adapters: paths, versions, and running TypeScript on Node.
import { readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";

export const root = join(import.meta.dir, "../..");
export const bun = process.execPath;

/** Environment variables that select production mode. */
export const production = { NODE_ENV: "production" };

/** Lets a bundle in a different folder find packages that are not bundled, such as binary add-ons. */
export const nodeEnvironment = { ...production, NODE_PATH: join(root, "node_modules") };

/** Returns the version of an installed package. */
export function packageVersion(name: string): string | undefined {
  try {
    const manifest: unknown = JSON.parse(
      readFileSync(join(root, "node_modules", name, "package.json"), "utf8"),
    );
    return typeof manifest === "object" && manifest !== null && "version" in manifest
      ? String(manifest.version)
      : undefined;
  } catch {
    return undefined; // The package is not installed. `missing` reports that.
  }
}

export function onBun(name: string): string | undefined {
  const version = packageVersion(name);
  return version && `${version} on Bun ${Bun.version}`;
}

export function onNode(name: string): string | undefined {
  const version = packageVersion(name);
  const node = Bun.which("node");
  if (!version || !node) return version;
  const output = Bun.spawnSync([node, "--version"]).stdout.toString().trim();
  return `${version} on Node ${output.replace(/^v/, "")}`;
}

/** The reason why a server that uses these packages cannot run here; undefined if it can. */
export function missingPackages(...names: string[]): string | undefined {
  const absent = names.filter((name) => packageVersion(name) === undefined);
  return absent.length > 0 ? `${absent.join(" and ")} not installed: bun install` : undefined;
}

export function missingNode(): string | undefined {
  return Bun.which("node") ? undefined : "node is not installed";
}

/** Bundles a TypeScript server as JavaScript into the folder, and returns the command that runs the bundle on Node. */
export async function nodeCommand(script: string, folder: string, ...args: string[]): Promise<string[]> {
  const node = Bun.which("node");
  if (!node) throw new Error("node is not installed");
  const name = basename(script, extname(script));
  await Bun.build({
    entrypoints: [script],
    outdir: folder,
    naming: `${name}.mjs`,
    target: "node",
    external: ["bufferutil"],
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return [node, join(folder, `${name}.mjs`), ...args];
}
