// `bun bench micro`: hot functions in isolation, without a network. Importing this module runs the benchmarks.
import { run } from "mitata";
import { fanOut } from "./fan-out.ts";
import { protocol } from "./protocol.ts";
import { rooms } from "./rooms.ts";

protocol();
rooms();
fanOut();
await run({ colors: process.stdout.isTTY === true });
