// Patterns of room names: `*` is any run of characters, `{name}` is one part without a colon.

/** What tells whether a whole name fits. */
export interface Pattern {
  test(name: string): boolean;
}

/**
 * Compiles a pattern. Matching takes time in proportion to the name's length times the pattern's, whatever both
 * are: clients choose names, and patterns too when they list rooms. (A regular expression would backtrack.)
 */
export function compilePattern(pattern: string): Pattern {
  const elements = pattern
    .replaceAll(/\*+/g, "*")
    .split(/(\*|\{[A-Za-z_][A-Za-z0-9_]*\})/)
    .filter((element) => element !== "");
  return { test: (name) => matches(elements, name) };
}

/** Follows all ways through the elements at once: the positions in the name that the elements so far can end at. */
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
  } else if (/^\{.+\}$/.test(element)) {
    for (const start of starts) {
      // Once an end is known, so are all that follow it in this part.
      for (let i = start; i < name.length && name[i] !== ":" && !ends.has(i + 1); i++) ends.add(i + 1);
    }
  } else {
    for (const start of starts) if (name.startsWith(element, start)) ends.add(start + element.length);
  }
  return ends;
}
