// Trusted proxies: whose word counts about where a request came from.
import { BlockList, isIP } from "node:net";
import { isPrivate, plainAddress } from "./client-address.ts";

/** Which header the proxies write. The other one is passed on as the client wrote it, and says nothing. */
export type ForwardedHeader = "x-forwarded-for" | "forwarded";

const LOOPBACK = ["127.0.0.0/8", "::1"];

export class TrustedProxies {
  #trusted = new BlockList();
  #any = false;
  #header: ForwardedHeader = "x-forwarded-for";

  #said = false;

  /**
   * @param addresses of proxies, or of networks of them; "loopback" for this machine. They must have been checked
   * @param onStranger told of the first one, since these were trusted, that looks like a proxy and is none of them
   */
  constructor(
    addresses: readonly string[],
    header: ForwardedHeader,
    readonly onStranger: (peer: string) => void = () => {},
  ) {
    this.trust(addresses, header);
  }

  /** Trusts these from now on, and no others. */
  trust(addresses: readonly string[], header: ForwardedHeader): void {
    this.#trusted = new BlockList();
    this.#any = addresses.length > 0;
    this.#header = header;
    this.#said = false;
    for (const address of addresses.flatMap((one) => (one === "loopback" ? LOOPBACK : [one]))) {
      const [network = "", bits] = address.split("/");
      const family = familyOf(network);
      if (bits === undefined) this.#trusted.addAddress(network, family);
      else this.#trusted.addSubnet(network, Number(bits), family);
    }
  }

  /**
   * Where a request came from: the nearest address on its way that is not one of the proxies.
   * @param peer who is at the other end of the connection
   */
  addressOf(request: Request, peer: string | undefined): string | undefined {
    if (peer === undefined) return peer;
    if (!this.#any || !this.#trusts(peer)) {
      this.#notice(request, peer);
      return peer;
    }
    const said = request.headers.get(this.#header);
    if (said === null) return peer;
    const hops = this.#header === "forwarded" ? readForwarded(said) : said.split(",");
    let address = peer;
    // The nearest proxy wrote last: what is before the first that is not ours, anybody may have written.
    for (const hop of hops.reverse()) {
      const before = readAddress(hop);
      if (before === undefined) return address;
      address = before;
      if (!this.#trusts(address)) return address;
    }
    return address;
  }

  /** Anybody can write the header: only where a proxy may stand, in a network of one's own, does it say something. */
  #notice({ headers }: Request, peer: string): void {
    if (this.#said || !headers.has(this.#header) || !isPrivate(peer)) return;
    this.#said = true;
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

/** What is wrong with addresses of proxies, or nothing. */
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

/** The `for` of each element (RFC 7239 §4), as it is written; empty where there is none. */
function readForwarded(said: string): string[] {
  const elements = said.match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g) ?? [];
  return elements.map((element) => {
    const [, value = ""] = /(?:^|;)\s*for\s*=\s*("(?:\\.|[^"\\])*"|[^;\s]*)/i.exec(element) ?? [];
    return value.replace(/^"(.*)"$/, "$1");
  });
}

/** An address with or without a port; nothing for what is none, "unknown" and names that hide one. */
function readAddress(hop: string): string | undefined {
  const text = hop.trim();
  const [, bracketed] = /^\[([^\]]*)\](?::[0-9]+)?$/.exec(text) ?? [];
  const address = plainAddress(
    bracketed ?? (/^[0-9.]+:[0-9]+$/.test(text) ? (text.split(":", 1)[0] ?? "") : text),
  );
  return isIP(address) === 0 ? undefined : address;
}
