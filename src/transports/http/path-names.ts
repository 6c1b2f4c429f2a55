// Path names: decodes the names in a request's path, and rejects paths that are ambiguous.
import { ThumpError } from "../../protocol/codes.ts";

/** The decoded path segments, keyed by their names in the route. */
export type PathNames = Readonly<Record<string, string>>;

/** Bun's router sets `params` to the decoded segments of the raw target. */
type RoutedRequest = Request & { params?: PathNames };

/**
 * Returns the names in a request's path. Bun's router reads the raw target, whereas `request.url` is normalized:
 * backslashes become slashes, and dot segments are resolved. A proxy may have authorized either form, so the two must
 * agree.
 * @param route the route's pattern: `/rooms/:room/history`
 * @param direct whether Bun's router has seen the request and matches every valid target of this route
 * @throws ThumpError `invalid-room` if the two differ or the encoding is invalid; `not-found`
 */
export function readPathNames(request: Request, route: string, direct: boolean): PathNames {
  const { params } = request as RoutedRequest;
  // Only Elysia matched this request, by its normalized path. The raw path has dot segments or a trailing slash.
  if (!params && direct) throw notFound();
  const raw = pathOf(request.url);
  // Request targets have no fragment (RFC 9112 §3.2), but a proxy may end the path at a `#`.
  if (raw.includes("\\") || request.url.includes("#")) throw ambiguousPath();
  const path = raw.split("/");
  const parts = route.split("/");
  const differ = params ? ambiguousPath : notFound;
  if (path.length !== parts.length && !route.includes("?")) throw differ();
  const names: Record<string, string> = {};
  for (let i = 1; i <= parts.length; i++) {
    const part = parts.at(-i) ?? "";
    // Only an app's prefix has optional parts, and all names in the route come after the prefix.
    if (part.endsWith("?") || part === "*") break;
    const segment = path.at(-i) ?? "";
    if (part.startsWith(":")) {
      const name = part.slice(1);
      const value = decode(segment);
      if (params && params[name] !== value) throw differ();
      names[name] = value;
    } else if (segment !== part && segment !== encodeURI(part)) {
      throw differ();
    }
  }
  return names;
}

/** The path of a URL. Without a usable `Host` header, the URL consists only of the target. */
function pathOf(url: string): string {
  const query = url.indexOf("?");
  const end = query < 0 ? url.length : query;
  return url.slice(url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3), end);
}

/** Decodes a segment. Unlike Bun's router, it rejects invalid encodings. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ThumpError(
      "invalid-room",
      "The path has an invalid percent-encoding. Encode names with encodeURIComponent.",
    );
  }
}

function ambiguousPath(): ThumpError {
  return new ThumpError(
    "invalid-room",
    "The path contains a backslash, a dot segment or a #. Encode names with encodeURIComponent.",
  );
}

function notFound(): ThumpError {
  return new ThumpError(
    "not-found",
    "There is nothing here. Rooms are at /rooms/<name>, without a trailing slash.",
  );
}
