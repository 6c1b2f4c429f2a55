// Raw request targets, one character per byte, that spell a name in unusual ways, and a function that finds the name.

/** One or more path segments that stand for a name. `{}` is the name of an existing room, session or user. */
export const SEGMENTS = [
  ...String.raw`
    {} {}%20 {}+ {};x ;{} {}%3Bx x%2F{} {}%2F x%5C{} {}|^<>"{} %61 ...
    x\{} {}\ \{} x\..\{} ..\{} {}\..\x x\..\..\{} \\{} x\%2e%2e\{}
    .. . %2e %2e%2e %2E%2e .%2e %2e. %2E ../{} x/../{} x/%2e%2e/{} ./{} {}/. {}/.. x/..\{}
    ..%2f{} x%2f..%2f{} x%2F%2e%2e%2F{} x%5c..%5c{} ..%5c{} .%2F{} {}%2F..
    ..;/{} x/..;/{} x;/../{} ..;x ....//{} %252e%252e %252f{} x%252F..%252f{} %2e%2e%2e
    {}/ {}// /{} //{} {}/x {}%2f {}/%2e %2F{} %2F%2F{}
    %00{} {}%00 {}%0a {}%0D%0A %7f %C2%85 %E2%80%A8 %E2%80%AE{}
    %C0%AF{} %c0%ae%c0%ae %c0%ae %e0%80%af{} %ff{} {}%ED%A0%80 %EF%BF%BD %F4%90%80%80 %C3%A9{} %EF%BC%8E%EF%BC%8E
    %zz{} %{} {}% {}%2 %u002e %u0041 %%32e {}#x #{} x#/../{} {}? ?{} {}?/../x`
    .trim()
    .split(/\s+/),
  // Non-ASCII bytes: invalid UTF-8, é, full-width dots, a rabbit.
  ..."\xff{} \xe9 \xc3\xa9{} \xef\xbc\x8e\xef\xbc\x8e \xf0\x9f\x90\x87".split(" "),
];

/** Unusual ways to write the whole target for a path. */
export const FORMS: Record<string, (path: string) => string> = {
  unchanged: (path) => path,
  absolute: (path) => `http://evil.example${path}`,
  "absolute, another scheme": (path) => `https://evil.example:1${path}`,
  "absolute, with a user": (path) => `http://u:p@evil.example${path}`,
  "absolute, without an authority": (path) => `http://${path}`,
  "after a dot segment": (path) => `/x/..${path}`,
  "after an encoded dot segment": (path) => `/x/%2e%2E${path}`,
  "after a backslash": (path) => `/x\\..${path}`,
  "after a dot": (path) => `/.${path}`,
  "after a slash": (path) => `/${path}`,
  "after a segment that looks like a host": (path) => `/0123456789${path}`,
  "with its last slash as a backslash": (path) => path.replace(/\/([^/]*)$/, "\\$1"),
  "with its first slash encoded": (path) => path.replace(/^\/(\w+)\//, "/$1%2F"),
  "with a letter encoded": (path) =>
    path.replace(/^\/(\w)/, (_, c: string) => `/%${Buffer.from(c).toString("hex")}`),
  "in capitals": (path) => path.replace(/^\/\w+/, (first) => first.toUpperCase()),
  "with a slash at the end": (path) => `${path}/`,
  "with a backslash at the end": (path) => `${path}\\`,
  "with a dot segment at the end": (path) => `${path}/.`,
};

/** Host header fields. A request without a Host field uses HTTP/1.0, which does not require one. */
export const HOSTS: Record<string, string[] | undefined> = {
  "none at all": undefined,
  "an empty one": ["Host: "],
  "one with a path": ["Host: evil.example/rooms/evil/history?"],
  "one with a backslash": ["Host: evil\\rooms\\evil"],
  "one with a blank": ["Host: a b"],
  "one with a fragment": ["Host: evil#"],
  "one with a user": ["Host: u@evil.example"],
  "an invalid port": ["Host: 127.0.0.1:99999"],
  "half an address": ["Host: [::1"],
  dots: ["Host: .."],
};

const DOT = /^(?:\.|%2e){1,2}$/i;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// oxlint-disable-next-line no-control-regex -- the pattern must find control characters
const NEVER = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]|(?:^|[/\\])\.{1,2}(?:$|[/\\])/;

/**
 * Returns the literal name in a target, at the position of `:name` in the route, without resolving dot segments or
 * decoding twice. Undefined if the target does not match the route or is ambiguous.
 */
export function literalName(target: string, route: string): string | undefined {
  const path = target.replace(/^https?:\/\/[^/?#]*/, "").split("?", 1)[0] ?? "";
  if (/[\\#]/.test(path)) return undefined;
  const segments = path.split("/");
  const parts = route.split("/");
  if (segments.length !== parts.length || segments.some((segment) => DOT.test(segment))) return undefined;
  if (!parts.every((part, i) => part.startsWith(":") || part === segments[i])) return undefined;
  return decoded(segments[parts.findIndex((part) => part.startsWith(":"))] ?? "");
}

function decoded(segment: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(segment)) return undefined;
  const bytes = segment.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  try {
    const name = utf8.decode(Buffer.from(bytes, "latin1"));
    return name === "" || NEVER.test(name) ? undefined : name;
  } catch {
    return undefined;
  }
}
