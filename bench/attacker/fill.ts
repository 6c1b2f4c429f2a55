// What an attack finds in place: rooms with publications in them, made by honest users of other addresses.
import { from } from "./sockets.ts";

const PER_REQUEST = 1000;

export interface Filled {
  /** A cursor from before all of it; one of a log that never was, where the server keeps none. */
  before: string;
  rooms: string[];
}

/** Publishes a number of messages of 64 bytes into each room, in turn. A server that has no such thing is left as it is. */
export async function fill(port: number, prefix: string, count: number, each: number): Promise<Filled> {
  const rooms = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const items = Array.from({ length: each }, () =>
    rooms.map((room) => ({ room, data: "x".repeat(62) })),
  ).flat();
  let before = "none-0";
  for (let i = 0, turn = 0; i < items.length; i += PER_REQUEST, turn++) {
    const headers = new Headers({ "content-type": "application/json" });
    for (const line of from(`198.51.100.${turn % 16}`)
      .trim()
      .split("\r\n")
      .slice(1)) {
      const [name, value] = line.split(": ", 2) as [string, string];
      headers.set(name, value);
    }
    const body = JSON.stringify(items.slice(i, i + PER_REQUEST));
    const answer = await fetch(`http://127.0.0.1:${port}/publish`, { method: "POST", headers, body });
    const text = await answer.text();
    if (!answer.ok) break;
    const first = /"at":"([^"]+)-(\d+)"/.exec(text);
    if (i === 0 && first) before = `${first[1]}-${Number(first[2]) - 1}`;
  }
  return { before, rooms };
}
