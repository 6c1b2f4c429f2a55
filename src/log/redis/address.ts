// Where Redis is: one server, Sentinels that know which, or a Cluster. Read from a URL.
import type { RedisOptions } from "ioredis";

/** A place to ask, or to connect to. */
export interface RedisHost {
  host: string;
  port: number;
}

export interface RedisAddress {
  readonly kind: "server" | "sentinel" | "cluster";
  readonly hosts: RedisHost[];
  /** The Sentinels' name for the server. */
  readonly name: string | undefined;
  readonly options: Pick<RedisOptions, "db" | "username" | "password" | "tls">;
  /** For people, without a password. */
  readonly text: string;
}

const FORM =
  /^(redis|rediss)(\+sentinel|\+cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#@]+)(?:\/([^?#]*))?$/;

/**
 * Reads `redis://[[user]:password@]host[:port][/db]`, `rediss://…` for TLS, `redis+sentinel://a,b,c/name[/db]` and
 * `redis+cluster://a,b,c`.
 * @throws Error that says what is wrong, without the password
 */
export function parseRedisAddress(url: string): RedisAddress {
  const [, scheme, how = "", user, password, places, path = ""] = FORM.exec(url) ?? [];
  if (!scheme || !places)
    throw new Error(
      "is not the address of a Redis: use redis://host:6379, rediss://…, redis+sentinel://a,b/name or redis+cluster://a,b",
    );
  const kind = how === "" ? "server" : how === "+sentinel" ? "sentinel" : "cluster";
  const hosts = places.split(",").map((place) => readHost(place, kind === "sentinel" ? 26_379 : 6379));
  if (kind === "server" && hosts.length > 1) throw new Error("names several servers: which one counts?");
  const parts = path.split("/").filter((part) => part !== "");
  const name = kind === "sentinel" ? parts.shift() : undefined;
  if (kind === "sentinel" && name === undefined)
    throw new Error("must name what the Sentinels watch: redis+sentinel://a,b,c/mymaster");
  const [db = "0"] = parts;
  if (!/^[0-9]{1,4}$/.test(db) || (kind === "cluster" && db !== "0"))
    throw new Error("ends in a number, which of the server's databases; a Cluster has 0 alone");
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
  if (host === undefined) throw new Error("names no host that could be read");
  return { host, port: port === undefined ? usual : Number(port) };
}
