#!/usr/bin/env bun
// What `bun run start` and the binary run.
import { runCommand } from "./cli/run-command.ts";

await runCommand(process.argv.slice(2));
