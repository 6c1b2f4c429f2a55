// The names in a request's path: the literal ones that the router matched, or an error.
import { ThumpError } from "../../protocol/codes.ts";

/** The decoded path segments, by their names in the route. */
export type PathNames = Readonly<Record<string, string>>;

/** Bun's router sets `params` to the decoded segments of the raw target. */
type RoutedRequest = Request & { params?: PathNames };

/**
 * The names in the path of a request. Bun's router reads the raw target. `request.url` is normalised: backslashes are
 * slashes, and dot segments are resolved. A proxy in front may have decided by either, so both must say the same.
 * @param route the route's pattern: `/rooms/:room/history`
 * @param direct Bun's router has seen the request, and matches every proper target of this route
 * @throws ThumpError `invalid-room` where the two differ or the encoding is broken, `not-found`
 */
export function readPathNames(request: Request, route: string, direct: boolean): PathNames {
  const { params } = request as RoutedRequest;
  // Elysia found the route by the normalised path: the raw one has a detour, or a slash at its end.
  if (!params && direct) throw notFound();
  const raw = pathOf(request.url);
  // No target has a fragment (RFC 9112 §3.2): a proxy may end the path there.
  if (raw.includes("\\") || request.url.includes("#")) throw ambiguousPath();
  const path = raw.split("/");
  const parts = route.split("/");
  const differ = params ? ambiguousPath : notFound;
  if (path.length !== parts.length && !route.includes("?")) throw differ();
  const names: Record<string, string> = {};
  for (let i = 1; i <= parts.length; i++) {
    const part = parts.at(-i) ?? "";
    // Only the prefix of an app has optional parts, and no name of these routes stands before them.
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

/** Without a usable `Host`, the URL is the target alone. */
function pathOf(url: string): string {
  const query = url.indexOf("?");
  const end = query < 0 ? url.length : query;
  return url.slice(url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3), end);
}

/** The router's own decoding lets broken encodings pass. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ThumpError(
      "invalid-room",
      "The path has a broken percent-encoding. Encode names with encodeURIComponent.",
    );
  }
}

function ambiguousPath(): ThumpError {
  return new ThumpError(
    "invalid-room",
    "The path has a backslash, a dot segment or a #. Encode names with encodeURIComponent.",
  );
}

function notFound(): ThumpError {
  return new ThumpError(
    "not-found",
    "There is nothing here. Rooms are at /rooms/<name>, without a slash at the end.",
  );
}
