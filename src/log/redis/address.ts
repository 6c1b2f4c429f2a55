// The Redis address, parsed from a URL: a single server, Sentinels, or a Cluster.
import type { RedisOptions } from "ioredis";

/** A host to connect to. */
export interface RedisHost {
  host: string;
  port: number;
}

export interface RedisAddress {
  readonly kind: "server" | "sentinel" | "cluster";
  readonly hosts: RedisHost[];
  /** The primary's name in the Sentinel configuration. */
  readonly name: string | undefined;
  readonly options: Pick<RedisOptions, "db" | "username" | "password" | "tls">;
  /** The URL without user name and password, for messages. */
  readonly text: string;
}

const FORM =
  /^(redis|rediss)(\+sentinel|\+cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#@]+)(?:\/([^?#]*))?$/;

/**
 * Parses `redis://[[user]:password@]host[:port][/db]`, `rediss://…` for TLS, `redis+sentinel://a,b,c/name[/db]` and
 * `redis+cluster://a,b,c`.
 * @throws Error that states the fault without quoting the password
 */
export function parseRedisAddress(url: string): RedisAddress {
  const [, scheme, how = "", user, password, places, path = ""] = FORM.exec(url) ?? [];
  if (!scheme || !places)
    throw new Error(
      "is not a Redis address: use redis://host:6379, rediss://…, redis+sentinel://a,b/name or redis+cluster://a,b",
    );
  const kind = how === "" ? "server" : how === "+sentinel" ? "sentinel" : "cluster";
  const hosts = places.split(",").map((place) => readHost(place, kind === "sentinel" ? 26_379 : 6379));
  if (kind === "server" && hosts.length > 1)
    throw new Error("has several servers, but redis:// takes only one");
  const parts = path.split("/").filter((part) => part !== "");
  const name = kind === "sentinel" ? parts.shift() : undefined;
  if (kind === "sentinel" && name === undefined)
    throw new Error(
      "lacks the name of the primary that the Sentinels monitor, as in redis+sentinel://a,b,c/mymaster",
    );
  const [db = "0"] = parts;
  if (!/^[0-9]{1,4}$/.test(db) || (kind === "cluster" && db !== "0"))
    throw new Error("has a path that is not a database number (a Cluster has only database 0)");
  return {
    kind,
    hosts,
    name,
    text: `${scheme}${how}://${places}${path === "" ? "" : `/${path}`}`,
    options: {
      db: Number(db),
      ...(user ? { username: decodeURIComponent(user) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(scheme === "rediss" ? { tls: {} } : {}),
    },
  };
}

function readHost(place: string, usual: number): RedisHost {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/.exec(place) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new Error("has an invalid host");
  return { host, port: port === undefined ? usual : Number(port) };
}
