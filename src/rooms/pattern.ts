// Patterns of room names: `*` is any run of characters, `{name}` is one part without a colon.

/** Turns a pattern into a test for whole names. */
export function compilePattern(pattern: string): RegExp {
  const source = pattern
    .split(/(\*|\{[A-Za-z_][A-Za-z0-9_]*\})/)
    .map((part) => (part === "*" ? ".*" : /^\{.+\}$/.test(part) ? "[^:]+" : RegExp.escape(part)))
    .join("");
  return new RegExp(`^${source}$`, "su");
}
