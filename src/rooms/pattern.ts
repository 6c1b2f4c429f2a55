// Room name patterns: `*` matches any run of characters, `{name}` matches one part without a colon.

/** A compiled pattern. `test` returns true if the whole name matches. */
export interface Pattern {
  test(name: string): boolean;
}

/**
 * Compiles a pattern. Matching time is at most proportional to the name's length times the pattern's length. This bound
 * matters because clients choose room names, and also choose patterns when they list rooms. (A regular expression could
 * backtrack exponentially.)
 */
export function compilePattern(pattern: string): Pattern {
  const elements = pattern
    .replaceAll(/\*+/g, "*")
    .split(/(\*|\{[A-Za-z_][A-Za-z0-9_]*\})/)
    .filter((element) => element !== "");
  const plain = elements.every((element) => !isPart(element));
  return { test: plain ? wild(elements) : (name) => matches(elements, name) };
}

function isPart(element: string): boolean {
  return /^\{.+\}$/.test(element);
}

/**
 * Matches a pattern that consists only of text and `*`. Choosing the first occurrence of each text is always correct.
 */
function wild(elements: string[]): (name: string) => boolean {
  if (!elements.includes("*")) return (name) => name === elements.join("");
  const first = elements[0] === "*" ? "" : (elements[0] as string);
  const last = elements.at(-1) === "*" ? "" : (elements.at(-1) as string);
  const between = elements.slice(1, -1).filter((element) => element !== "*");
  return (name) => {
    let at = first.length;
    const end = name.length - last.length;
    if (at > end || !name.startsWith(first) || !name.endsWith(last)) return false;
    for (const text of between) {
      const found = name.indexOf(text, at);
      if (found < 0 || found + text.length > end) return false;
      at = found + text.length;
    }
    return true;
  };
}

/** Tracks all possible matches at once: the set of positions in the name where the elements matched so far can end. */
function matches(elements: string[], name: string): boolean {
  let ends = new Set([0]);
  for (const element of elements) {
    ends = advance(element, name, ends);
    if (ends.size === 0) return false;
  }
  return ends.has(name.length);
}

function advance(element: string, name: string, starts: Set<number>): Set<number> {
  const ends = new Set<number>();
  if (element === "*") {
    for (let i = Math.min(...starts); i <= name.length; i++) ends.add(i);
  } else if (isPart(element)) {
    for (const start of starts) {
      // If an end is already in the set, so are all later ends in this part.
      for (let i = start; i < name.length && name[i] !== ":" && !ends.has(i + 1); i++) ends.add(i + 1);
    }
  } else {
    for (const start of starts) if (name.startsWith(element, start)) ends.add(start + element.length);
  }
  return ends;
}
