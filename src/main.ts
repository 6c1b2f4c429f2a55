#!/usr/bin/env bun
// What `bun run start` and the binary run.
import { start } from "./server/start.ts";

await start(process.argv.slice(2));
