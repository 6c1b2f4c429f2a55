// Fills rooms before an attack, with publishes from honest users at different addresses.
import { from } from "./sockets.ts";

const ITEMS_PER_REQUEST = 1000;

export interface Filled {
  /**
   * A cursor older than every stored message. If the server has no history, a cursor from an unknown log.
   */
  before: string;
  rooms: string[];
}

/** Publishes `each` 64-byte messages to every room, room by room in turn. Stops if the server has no publish route. */
export async function fill(port: number, prefix: string, count: number, each: number): Promise<Filled> {
  const rooms = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const items = Array.from({ length: each }, () =>
    rooms.map((room) => ({ room, data: "x".repeat(62) })),
  ).flat();
  let before = "none-0";
  for (let i = 0, batch = 0; i < items.length; i += ITEMS_PER_REQUEST, batch++) {
    const headers = new Headers({ "content-type": "application/json" });
    for (const line of from(`198.51.100.${batch % 16}`)
      .trim()
      .split("\r\n")
      .slice(1)) {
      const [name, value] = line.split(": ", 2) as [string, string];
      headers.set(name, value);
    }
    const body = JSON.stringify(items.slice(i, i + ITEMS_PER_REQUEST));
    const answer = await fetch(`http://127.0.0.1:${port}/publish`, { method: "POST", headers, body });
    const text = await answer.text();
    if (!answer.ok) break;
    const first = /"at":"([^"]+)-(\d+)"/.exec(text);
    if (i === 0 && first) before = `${first[1]}-${Number(first[2]) - 1}`;
  }
  return { before, rooms };
}
