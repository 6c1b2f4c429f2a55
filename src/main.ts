#!/usr/bin/env bun
// What `bun run start` and the binary run.
import { run } from "./cli/commands.ts";

await run(process.argv.slice(2));
