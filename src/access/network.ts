// What an address counts as for limits: a house, not a door. Pure.
import { isLoopback } from "./origin.ts";

/** An IPv4 address is written as one, also where it came in a socket for IPv6. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, "");
}

/** The address, or the /64 of an IPv6 one: who has one of those has all of it. Nothing for this machine. */
export function networkOf(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const plain = plainAddress(address);
  if (isLoopback(plain)) return undefined;
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
