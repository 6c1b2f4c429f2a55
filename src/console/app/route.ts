// Routes of the console, in the hash of the URL, so that every view has a link. Pure.

export type Order = "sessions" | "name";

export type Route =
  | { page: "overview" }
  | { page: "rooms"; search: string; sort: Order; cursor: string; from: number }
  | { page: "room"; name: string }
  | { page: "sessions"; room: string; user: string; lagging: boolean; cursor: string; from: number }
  | { page: "session"; id: string }
  | { page: "rules"; room: string };

export const OVERVIEW: Route = { page: "overview" };
export const ROOMS: Extract<Route, { page: "rooms" }> = {
  page: "rooms",
  search: "",
  sort: "sessions",
  cursor: "",
  from: 0,
};
export const SESSIONS: Extract<Route, { page: "sessions" }> = {
  page: "sessions",
  room: "",
  user: "",
  lagging: false,
  cursor: "",
  from: 0,
};
export const RULES: Extract<Route, { page: "rules" }> = { page: "rules", room: "" };

/** Parses the hash of a URL. An invalid hash selects the overview. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, name] = path.split("/", 2);
  const params = new URLSearchParams(query);
  const text = (key: string) => params.get(key) ?? "";
  const place = { cursor: text("cursor"), from: Number(text("from")) || 0 };
  switch (page) {
    case "rooms":
      return { page, search: text("search"), sort: text("sort") === "name" ? "name" : "sessions", ...place };
    case "sessions":
      return { page, room: text("room"), user: text("user"), lagging: text("lagging") === "1", ...place };
    case "rules":
      return { page, room: text("room") };
    case "room":
      return name ? { page, name: decode(name) } : OVERVIEW;
    case "session":
      return name ? { page, id: decode(name) } : OVERVIEW;
    default:
      return OVERVIEW;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // The text is not percent-encoded; it was probably typed. Use it unchanged.
    return text;
  }
}

/** The URL of a route, for `href`. */
export function href(route: Route): string {
  switch (route.page) {
    case "overview":
      return "#/";
    case "rooms":
      return withQuery("#/rooms", {
        search: route.search,
        sort: route.sort === "name" ? "name" : "",
        cursor: route.cursor,
        from: route.from,
      });
    case "room":
      return `#/room/${encodeURIComponent(route.name)}`;
    case "sessions":
      return withQuery("#/sessions", {
        room: route.room,
        user: route.user,
        lagging: route.lagging ? "1" : "",
        cursor: route.cursor,
        from: route.from,
      });
    case "session":
      return `#/session/${encodeURIComponent(route.id)}`;
    case "rules":
      return withQuery("#/rules", { room: route.room });
  }
}

/** Appends the non-empty values to a path as a query. */
export function withQuery(path: string, values: Record<string, string | number>): string {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== 0);
  const query = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
  return given.length > 0 ? `${path}?${query}` : path;
}

/** A search text matches any part of a name, unless it is a pattern. */
export function patternOf(search: string): string {
  const trimmed = search.trim();
  if (trimmed === "") return "*";
  return /[*{]/.test(trimmed) || trimmed.startsWith("thump:") ? trimmed : `*${trimmed}*`;
}
