// Maps a client address to the key that limits use: for IPv6, the /64 prefix. Pure.
import { BlockList } from "node:net";

/** Private networks (RFC 1918, RFC 4193), shared address space (RFC 6598) and loopback. */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
] as const)
  PRIVATE.addSubnet(network, bits, "ipv4");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addAddress("::1", "ipv6");

/** Whether an address belongs to a private network or to this machine. */
export function isPrivate(address: string): boolean {
  const plain = plainAddress(address);
  return PRIVATE.check(plain, plain.includes(":") ? "ipv6" : "ipv4");
}

/** Converts an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) to IPv4 notation. Returns other addresses unchanged. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, "");
}

/**
 * The key that limits use for an address: for IPv4, the address itself; for IPv6, the /64 prefix, because one client
 * usually controls the whole prefix. All unknown addresses share one key. Requests from this machine have no
 * per-address limits.
 */
export function addressKeyOf(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const plain = plainAddress(address);
  return plain.includes(":") ? `${firstGroups(plain, 4)}::/64` : plain;
}

/** The first groups of an IPv6 address, with `::` expanded. */
function firstGroups(address: string, count: number): string {
  const [head = "", rest] = (address.split("%", 1)[0] as string).split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  const last = rest ? rest.split(":") : [];
  while (rest !== undefined && groups.length + last.length < 8) groups.push("0");
  return [...groups, ...last]
    .slice(0, count)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
