// The repository's TypeScript projects, opened in the TypeScript compiler.
import { join } from "node:path";
import type { SourceFile } from "typescript/unstable/ast";
import { API, type Project } from "typescript/unstable/async";

const MAIN = "tsconfig.json";
const PROJECTS = [MAIN, "src/console/app/tsconfig.json", "examples/chat/page/tsconfig.json"];

export interface Compiler {
  /** The project that contains everything except browser pages. */
  main: Project;
  /** Syntax trees by path, relative to the root. Contains only files that belong to a project. */
  sources: ReadonlyMap<string, SourceFile>;
  close(): Promise<void>;
}

/** @throws Error if the compiler does not start or the main project does not open */
export async function openCompiler(root: string, paths: readonly string[]): Promise<Compiler> {
  const api = new API({ cwd: root });
  const snapshot = await api.updateSnapshot({ openProjects: PROJECTS.map((path) => join(root, path)) });
  const main = snapshot.getProject(join(root, MAIN));
  if (main === undefined) throw new Error(`${MAIN} did not open`);
  const projects = snapshot.getProjects();
  const sources = new Map<string, SourceFile>();
  const read = async (path: string) => {
    for (const { program } of projects) {
      const source = await program.getSourceFile(join(root, path));
      if (source !== undefined) return void sources.set(path, source);
    }
  };
  await Promise.all(paths.map(read));
  return { main, sources, close: () => api.close() };
}
