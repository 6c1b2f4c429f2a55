#!/usr/bin/env bun
// Entry point for `bun run start` and for the compiled binary.
import { runCommand } from "./cli/run-command.ts";

await runCommand(process.argv.slice(2));
