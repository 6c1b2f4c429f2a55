// Splits TypeScript into passages: comments, strings that are sentences, JSX text and test names, from syntax trees.
import { type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import {
  isCallExpression,
  isImportDeclaration,
  isExportDeclaration,
  isLiteralTypeNode,
  isNoSubstitutionTemplateLiteral,
  isStringLiteral,
  isTemplateExpression,
} from "typescript/unstable/ast/is";
import { commentPassages } from "./comments.ts";
import { type Kind, type Passage, type Piece, withoutCode } from "./passage.ts";

export interface SourceOptions {
  /** True if strings are texts for people, not test data. */
  strings: boolean;
  /** True if the first arguments of `test`, `describe` and functions that take a name and a body are test names. */
  tests: boolean;
}

interface Span {
  from: number;
  to: number;
}

const SENTENCE = /[A-Za-z}][A-Za-z'’-]*,? [A-Za-z{`"]/;
const NOT_PROSE =
  /^\s*(?:SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE|FROM|BEGIN|ALTER|DROP|WITH|COMMIT|WHERE|#!)\b/;
const TEST_CALLEE = /^(?:test|it|describe)\b/;

export function sourcePassages(file: SourceFile, { strings, tests }: SourceOptions): Passage[] {
  const { text } = file;
  const spans: Span[] = [];
  const passages: Passage[] = [];
  const lineAt = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1;

  const add = (kind: Kind, value: string, at: number) => {
    if (NOT_PROSE.test(value)) return;
    if (value.includes("redis.call")) passages.push(...luaPassages(value, lineAt(at)));
    else if (kind === "test" || SENTENCE.test(value))
      passages.push({ kind, pieces: piecesOf(value, lineAt(at)) });
  };

  const visit = (node: Node): void => {
    if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) {
      const from = node.getStart(file);
      spans.push({ from, to: node.end });
      const kind = kindOf(node, { strings, tests });
      if (kind !== undefined) add(kind, node.text, from);
      return;
    }
    if (isTemplateExpression(node)) {
      const kind = kindOf(node, { strings, tests });
      const from = node.getStart(file);
      const parts = [node.head.text, ...node.templateSpans.map((span) => span.literal.text)];
      if (kind !== undefined) add(kind, parts.join("{x}"), from);
      spans.push({ from, to: node.head.end });
      for (const span of node.templateSpans) {
        visit(span.expression);
        spans.push({ from: span.literal.getStart(file), to: span.literal.end });
      }
      return;
    }
    if (node.kind === SyntaxKind.RegularExpressionLiteral || node.kind === SyntaxKind.JsxText) {
      const from = node.kind === SyntaxKind.JsxText ? node.pos : node.getStart(file);
      spans.push({ from, to: node.end });
      if (node.kind === SyntaxKind.JsxText && strings) add("text", text.slice(from, node.end), from);
      return;
    }
    node.forEachChild(visit);
  };
  visit(file);
  passages.push(...blocksOf(text, spans, lineAt).flatMap(commentPassages));
  return passages;
}

function piecesOf(value: string, line: number): Piece[] {
  // An escaped line end is not a line end in the file, so every part of a string is reported at the string's start.
  return value.split("\n").map((part) => ({ text: withoutCode(part), line }));
}

function kindOf(node: Node, { strings, tests }: SourceOptions): Kind | undefined {
  const { parent } = node;
  if (isImportDeclaration(parent) || isExportDeclaration(parent) || isLiteralTypeNode(parent))
    return undefined;
  if (tests && isCallExpression(parent) && parent.arguments[0] === node) {
    const second = parent.arguments[1]?.kind;
    const body = second === SyntaxKind.ArrowFunction || second === SyntaxKind.FunctionExpression;
    if (body || TEST_CALLEE.test(parent.expression.getText())) return "test";
  }
  return strings ? "string" : undefined;
}

/** Comments in a Lua script. */
function luaPassages(script: string, line: number): Passage[] {
  const found = script.split("\n").flatMap((text) => {
    const comment = /(?:^|\s)--\s(.*)$/.exec(text)?.[1];
    return comment === undefined ? [] : [{ text: comment, line }];
  });
  return found.flatMap((piece) => commentPassages([piece]));
}

/** Finds the comments outside literals. Line comments on consecutive lines form one block. */
function blocksOf(text: string, spans: readonly Span[], lineAt: (position: number) => number): Piece[][] {
  const literals = spans.toSorted((a, b) => a.from - b.from);
  const blocks: Piece[][] = [];
  let next = 0;
  let previous: { line: number; own: boolean } | undefined;
  for (let at = 0; at < text.length;) {
    const literal = literals[next];
    if (literal !== undefined && at >= literal.from) {
      at = Math.max(at, literal.to);
      next += 1;
    } else if (text.startsWith("//", at)) {
      const end = text.indexOf("\n", at) < 0 ? text.length : text.indexOf("\n", at);
      const line = lineAt(at);
      const own = text.slice(text.lastIndexOf("\n", at) + 1, at).trim() === "";
      const piece = { text: text.slice(at + 2, end), line };
      const follows = own && previous?.own === true && previous.line === line - 1;
      if (follows) blocks.at(-1)?.push(piece);
      else blocks.push([piece]);
      previous = { line, own };
      at = end;
    } else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2) < 0 ? text.length : text.indexOf("*/", at + 2);
      const first = lineAt(at);
      const lines = text.slice(at + 2, end).split("\n");
      blocks.push(lines.map((part, index) => ({ text: part.replace(/^\s*\*+ ?/, ""), line: first + index })));
      previous = undefined;
      at = end + 2;
    } else {
      at += 1;
    }
  }
  return blocks;
}
