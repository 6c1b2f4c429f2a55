// Checks that everything public has a doc comment: exports of the entry points, and every field of their types.
import { join, relative } from "node:path";
import {
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isPrivateIdentifier,
  isPropertyDeclaration,
  type Node,
  SyntaxKind,
} from "typescript/unstable/ast";
import {
  type NodeHandle,
  type Project,
  SignatureKind,
  type Symbol,
  SymbolFlags,
  type Type,
} from "typescript/unstable/async";
import type { Finding } from "./finding.ts";

export const ENTRIES = [
  "src/index.ts",
  "src/client/index.ts",
  "src/client/react.ts",
  "src/stream-plugin/index.ts",
];

/** @param root the folder of the repository @throws Error if an entry point is not part of the project */
export async function undocumented(
  project: Project,
  root: string,
  entries: readonly string[],
): Promise<Finding[]> {
  const { checker, program } = project;
  const source = `${join(root, "src")}/`;
  const findings = new Map<string, Finding>();
  const seen = new Set<number>();

  // Declarations from dependencies and from the language are documented elsewhere. The compiler lower-cases some paths.
  const isOurs = ({ path }: NodeHandle) => path.toLowerCase().startsWith(source.toLowerCase());

  async function requireComment(symbol: Symbol, name: string, node: Node): Promise<void> {
    const comment = await checker.getDocumentationCommentOfSymbol(symbol);
    if (comment.trim() !== "") return;
    const file = node.getSourceFile();
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
    const path = relative(root, file.fileName);
    const instead = "a doc comment: purpose, type, unit, default, example";
    findings.set(`${path}:${line}:${symbol.name}`, {
      file: path,
      line,
      rule: "undocumented",
      text: name,
      instead,
    });
  }

  async function visitFields(type: Type, name: string): Promise<void> {
    if (seen.has(type.id)) return;
    seen.add(type.id);
    if (type.isUnionType() || type.isIntersectionType()) {
      for (const part of await type.getTypes()) await visitFields(part, name);
      return;
    }
    if (!type.isObjectType()) return;
    if (type.isTypeReference()) {
      for (const part of await checker.getTypeArguments(type)) await visitFields(part, `${name}[]`);
    }
    for (const { valueType } of await checker.getIndexInfosOfType(type))
      await visitFields(valueType, `${name}[…]`);
    for (const field of await checker.getPropertiesOfType(type))
      await visitField(field, `${name}.${field.name}`);
  }

  async function visitField(field: Symbol, name: string): Promise<void> {
    const node = await field.declarations.find(isOurs)?.resolve(project);
    if (node === undefined || isHidden(node)) return;
    await requireComment(field, name, node);
    const type = await checker.getTypeOfSymbol(field);
    if (type === undefined) return;
    const calls = await checker.getSignaturesOfType(type, SignatureKind.Call);
    if (calls.length === 0) await visitFields(type, name);
  }

  for (const entry of entries) {
    const file = await program.getSourceFile(join(root, entry));
    const module = file && (await checker.getSymbolAtLocation(file));
    if (module === undefined) throw new Error(`${entry} is not part of the project`);
    for (const exported of await checker.getExportsOfModule(module)) {
      const isAlias = (exported.flags & SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? await checker.getAliasedSymbol(exported) : exported;
      const node = await symbol.declarations.find(isOurs)?.resolve(project);
      if (node === undefined) continue;
      await requireComment(symbol, exported.name, node);
      if ((symbol.flags & SymbolFlags.Type) === 0) continue;
      await visitFields(await checker.getDeclaredTypeOfSymbol(symbol), exported.name);
    }
  }
  return [...findings.values()];
}

/** Private and protected members, and those with a `#` name. */
function isHidden(node: Node): boolean {
  if (!isPropertyDeclaration(node) && !isMethodDeclaration(node) && !isGetAccessorDeclaration(node))
    return false;
  const keyword = node.modifiers?.some(
    ({ kind }) => kind === SyntaxKind.PrivateKeyword || kind === SyntaxKind.ProtectedKeyword,
  );
  return keyword === true || isPrivateIdentifier(node.name);
}
