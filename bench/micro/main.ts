// `bun bench micro`: what the pure and hot parts cost by themselves, without a network.
import { run } from "mitata";
import { fanOut } from "./fan-out.ts";
import { protocol } from "./protocol.ts";
import { rooms } from "./rooms.ts";

export async function micro(): Promise<void> {
  protocol();
  rooms();
  fanOut();
  await run({ colors: process.stdout.isTTY === true });
}

if (import.meta.main) await micro();
