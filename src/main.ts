#!/usr/bin/env bun
// Entry point of `bun run start` and of the binary.
import { runCommand } from "./cli/run-command.ts";

await runCommand(process.argv.slice(2));
