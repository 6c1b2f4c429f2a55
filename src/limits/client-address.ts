// Maps a client address to its key for limits: the /64 prefix for IPv6. Pure.
import { BlockList } from "node:net";

/** Networks of one's own (RFC 1918, RFC 4193, RFC 6598), and this machine. */
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

/** Whether an address is of a network of one's own, and no place on the internet. */
export function isPrivate(address: string): boolean {
  const plain = plainAddress(address);
  return PRIVATE.check(plain, plain.includes(":") ? "ipv6" : "ipv4");
}

/** An IPv4 address is written as one, also where it came in a socket for IPv6. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, "");
}

/**
 * The address, or the /64 of an IPv6 one: who has one of those has all of it. Requests whose address is not known count
 * as one. It is not asked for those of this machine, which have no limit by address.
 */
export function addressKeyOf(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const plain = plainAddress(address);
  return plain.includes(":") ? `${firstGroups(plain, 4)}::/64` : plain;
}

/** The first groups of an IPv6 address, with what `::` stands for written out. */
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
