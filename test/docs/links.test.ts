// Documentation: every relative link, every anchor and every repository path leads to something that exists.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

const ROOT = join(import.meta.dir, "../..");
const PAGES = ["*.md", "docs/**/*.md", "bench/**/*.md", "examples/**/*.md", "test/*.md", ".github/**/*.md"];
/** Paths in code spans that are checked, relative to the repository's root. */
const NAMED_PATH = /^(src|test|docs|bench|examples|scripts)\/[\w./{}*-]+$/;
/** The benchmark's output folders, which are not in the repository. */
const GENERATED = /^bench\/(results|\.peers)\b/;

const pages = [
  ...new Set(PAGES.flatMap((pattern) => [...new Glob(pattern).scanSync({ cwd: ROOT, dot: true })])),
].filter((page) => !page.includes("node_modules/") && !GENERATED.test(page));
const texts = new Map(await Promise.all(pages.map(async (page) => [page, await read(page)] as const)));

async function read(page: string): Promise<string> {
  const text = await Bun.file(join(ROOT, page)).text();
  return text.replaceAll(/^ *```.*?^ *```$/gms, "");
}

/** A page's anchors, as GitHub derives them from headings. Repeated anchors are numbered. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of text.matchAll(/^#{1,6} +(.*?) *$/gm)) {
    const plain = heading.replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = plain.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "").replaceAll(" ", "-");
    let unique = anchor;
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
    anchors.add(unique);
  }
  for (const [, id = ""] of text.matchAll(/<a (?:id|name)="([^"]+)">/g)) anchors.add(id);
  return anchors;
}

/** The targets of inline links, images and link definitions. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/`[^`\n]*`/g, "");
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: +"[^"]*")?\)/g)];
  const defined = [...prose.matchAll(/^\[[^\]]+\]: +<?([^\s>]+)>?/gm)];
  return [...inline, ...defined].map(([, target = ""]) => target);
}

/** Describes what is wrong with a link. Returns undefined if the link resolves. */
function brokenLink(page: string, link: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [path = "", anchor] = link.split("#", 2);
  const target = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), decodeURI(path)));
  // Links above the root lead to pages of the site that hosts the repository, such as `../../security/advisories/new`.
  if (target.startsWith("..")) return undefined;
  if (!existsSync(join(ROOT, target))) return `${page}: ${link}: no such file`;
  const text = texts.get(target);
  if (anchor === undefined || text === undefined) return undefined;
  return anchorsOf(text).has(anchor) ? undefined : `${page}: ${link}: no such heading`;
}

test("relative links and anchors resolve", () => {
  const broken = [...texts].flatMap(([page, text]) => linksOf(text).map((link) => brokenLink(page, link)));
  expect(broken.length).toBeGreaterThan(100);
  expect(broken.filter((fault) => fault !== undefined)).toEqual([]);
});

test("paths in code spans exist", () => {
  const spans = [...texts].flatMap(([page, text]) =>
    [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => [page, span] as const),
  );
  const named = spans.filter(([, span]) => NAMED_PATH.test(span) && !GENERATED.test(span));
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter(([, span]) => {
    if (!/[*{]/.test(span)) return !existsSync(join(ROOT, span));
    return new Glob(span).scanSync({ cwd: ROOT, onlyFiles: false }).next().done === true;
  });
  expect(missing.map(([page, span]) => `${page}: ${span}`)).toEqual([]);
});
