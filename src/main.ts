#!/usr/bin/env bun
// What `bun run start` and the binary run.
import { run } from "./server/commands.ts";

await run(process.argv.slice(2));
