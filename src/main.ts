#!/usr/bin/env bun
// What `bun run start` and the binary run.
import { run } from "./cli/run-command.ts";

await run(process.argv.slice(2));
