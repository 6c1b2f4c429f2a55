// Detects requests made on this machine. A request from an unknown address is not local.
import { plainAddress } from "./client-address.ts";

const LOOPBACK = /^(localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]|::1)(:[0-9]+)?$/i;

/** Headers that proxies add, in addition to those that begin with `x-forwarded`. */
const FORWARDED = new Set([
  "forwarded",
  "via",
  "x-original-forwarded-for",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
  "cf-connecting-ip",
  "fastly-client-ip",
  "fly-client-ip",
  "x-envoy-external-address",
  "x-azure-clientip",
]);

/** Whether a host, with or without a port, is a name or an address of the loopback interface. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Whether a request was made on this machine: it arrived on the loopback interface, has no proxy header, and its Host
 * header names this server. The last condition protects against DNS rebinding by web pages.
 * @param address the client address; undefined if unknown
 * @param isNamed whether a Host header names this server
 */
export function isLocal(
  { headers }: Request,
  address: string | undefined,
  isNamed: (host: string) => boolean,
): boolean {
  if (address === undefined || !isLoopback(plainAddress(address))) return false;
  return isNamed(headers.get("host") ?? "") && !wasForwarded(headers);
}

/** Whether a proxy forwarded a request. One pass over its headers is cheaper than a lookup per name (200 ns each). */
function wasForwarded(headers: Headers): boolean {
  for (const name of headers.keys()) if (FORWARDED.has(name) || name.startsWith("x-forwarded")) return true;
  return false;
}
