// Whether a request was made on this machine: the one function that decides it. What cannot be known is not local.
import { plainAddress } from "./network.ts";

const LOOPBACK = /^(localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]|::1)(:[0-9]+)?$/i;

/** Headers that proxies add. A request with one of them was passed on, whatever its connection's address is. */
const FORWARDED = [
  "forwarded",
  "via",
  "x-forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-forwarded-server",
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
];

/** Whether a host, with or without a port, is a name or an address of this machine's loopback interface. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Whether a request was made on this machine: over the loopback interface, by no proxy that says so, and under a
 * name that no web page can have chosen (DNS rebinding).
 * @param address of the client; undefined where it is not known
 * @param isNamed whether a Host header names this server
 */
export function isLocal(
  { headers }: Request,
  address: string | undefined,
  isNamed: (host: string) => boolean,
): boolean {
  if (address === undefined || !isLoopback(plainAddress(address))) return false;
  return isNamed(headers.get("host") ?? "") && !FORWARDED.some((name) => headers.has(name));
}
