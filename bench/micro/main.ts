// `bun bench micro`: what the pure and hot parts cost by themselves, without a network. Importing it runs it.
import { run } from "mitata";
import { fanOut } from "./fan-out.ts";
import { protocol } from "./protocol.ts";
import { rooms } from "./rooms.ts";

protocol();
rooms();
fanOut();
await run({ colors: process.stdout.isTTY === true });
