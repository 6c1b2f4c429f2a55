// Trusted proxies: finds a client's address in the forwarding headers that configured proxies write.
import { BlockList, isIP } from "node:net";
import { isPrivate, plainAddress } from "./client-address.ts";

/** The header that the proxies write. The other header is ignored, because it may come from the client. */
export type ForwardedHeader = "x-forwarded-for" | "forwarded";

const LOOPBACK = ["127.0.0.0/8", "::1"];

export class TrustedProxies {
  #trusted = new BlockList();
  #any = false;
  #header: ForwardedHeader = "x-forwarded-for";

  /** Whether `onStranger` has been called for this configuration. */
  #warned = false;

  /**
   * @param addresses proxies or their networks, validated by `proxiesFault`; "loopback" for this machine
   * @param onStranger called once per configuration, with the first peer that looks like a proxy but is not trusted
   */
  constructor(
    addresses: readonly string[],
    header: ForwardedHeader,
    readonly onStranger: (peer: string) => void = () => {},
  ) {
    this.trust(addresses, header);
  }

  /** Replaces the configuration. */
  trust(addresses: readonly string[], header: ForwardedHeader): void {
    this.#trusted = new BlockList();
    this.#any = addresses.length > 0;
    this.#header = header;
    this.#warned = false;
    for (const address of addresses.flatMap((one) => (one === "loopback" ? LOOPBACK : [one]))) {
      const [network = "", bits] = address.split("/");
      const family = familyOf(network);
      if (bits === undefined) this.#trusted.addAddress(network, family);
      else this.#trusted.addSubnet(network, Number(bits), family);
    }
  }

  /**
   * The client address of a request: the last address on its path that is not a trusted proxy.
   * @param peer the address at the other end of the connection
   */
  addressOf(request: Request, peer: string | undefined): string | undefined {
    if (peer === undefined) return peer;
    if (!this.#any || !this.#trusts(peer)) {
      this.#notice(request, peer);
      return peer;
    }
    const value = request.headers.get(this.#header);
    if (value === null) return peer;
    const hops = this.#header === "forwarded" ? readForwarded(value) : value.split(",");
    let address = peer;
    // Reads from the end, because the nearest proxy wrote the last entry. Entries before an untrusted address may be
    // forged.
    for (const hop of hops.reverse()) {
      const before = readAddress(hop);
      if (before === undefined) return address;
      address = before;
      if (!this.#trusts(address)) return address;
    }
    return address;
  }

  /**
   * Reports a peer that is probably a proxy. Any client can write the header, so only peers in a private network are
   * reported.
   */
  #notice({ headers }: Request, peer: string): void {
    if (this.#warned || !headers.has(this.#header) || !isPrivate(peer)) return;
    this.#warned = true;
    this.onStranger(peer);
  }

  #trusts(address: string): boolean {
    const plain = plainAddress(address);
    return isIP(plain) !== 0 && this.#trusted.check(plain, familyOf(plain));
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** The first error in a list of proxy addresses; undefined if all are valid. */
export function proxiesFault(addresses: readonly string[]): string | undefined {
  for (const address of addresses) {
    const [network = "", bits, ...rest] = address.split("/");
    const most = isIP(network) === 6 ? 128 : 32;
    const fits = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most);
    if (address !== "loopback" && (isIP(network) === 0 || !fits || rest.length > 0))
      return `"${address}" must be an address, a network such as 10.0.0.0/8, or loopback`;
  }
  return undefined;
}

/** The `for` parameter of each element (RFC 7239 §4), unparsed; empty if an element has none. */
function readForwarded(header: string): string[] {
  const elements = header.match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g) ?? [];
  return elements.map((element) => {
    const [, value = ""] = /(?:^|;)\s*for\s*=\s*("(?:\\.|[^"\\])*"|[^;\s]*)/i.exec(element) ?? [];
    return value.replace(/^"(.*)"$/, "$1");
  });
}

/** The address of a hop, without its port; undefined for `unknown` and obfuscated identifiers (RFC 7239 §6). */
function readAddress(hop: string): string | undefined {
  const text = hop.trim();
  const [, bracketed] = /^\[([^\]]*)\](?::[0-9]+)?$/.exec(text) ?? [];
  const address = plainAddress(
    bracketed ?? (/^[0-9.]+:[0-9]+$/.test(text) ? (text.split(":", 1)[0] ?? "") : text),
  );
  return isIP(address) === 0 ? undefined : address;
}
