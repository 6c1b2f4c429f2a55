// Commands that use a running server: publish, tail, rooms, bench.
import { type Command, Option } from "commander";
import { duration, names, whole } from "./flag-values.ts";
import { addConnection } from "./connection-flags.ts";
import type { BenchFlags } from "./bench/run-bench.ts";
import { colorOption } from "./colors.ts";
import type { PublishFlags } from "./publish/run-publish.ts";
import type { RoomsFlags } from "./list-rooms-command.ts";
import type { TailFlags } from "./tail/run-tail.ts";

/** The server's maximum number of items in one request. */
const MAX_BATCH = 1000;

/** Runs a command and exits, even if a handle, such as unread standard input, is still open. */
async function runAndExit(command: Promise<void>): Promise<never> {
  await command;
  process.exit();
}

/** Adds `thump publish`. */
export function addPublish(program: Command): void {
  const publish = program
    .command("publish")
    .description("publish text, a file, or each line of standard input")
    .argument("<room>", "room name")
    .argument("[text]", "text to publish (default: each line of standard input)")
    .option("--file <file>", "publish a whole file, - for all of standard input")
    .option("--event <name>", "event name (default: message)")
    .option("--key <key>", "idempotency key; line n uses <key>:n")
    .addOption(new Option("--text", "publish text even if it parses as JSON").conflicts("json"))
    .option("--batch <n>", `publications per request, at most ${MAX_BATCH}`, whole(1, MAX_BATCH), 500)
    .option("--keep-going", "continue after a line that fails; the exit code is then 1")
    .addOption(
      new Option("--retry <time>", "how long to retry if the server becomes unavailable")
        .argParser(duration)
        .default(60_000, "1m"),
    );
  addConnection(publish, 'require JSON data; print {"at":…,"published":…}')
    .addHelpText(
      "after",
      `
Lines are published in order, each exactly once: after a lost response, the command sends them again with the same
idempotency keys. Prints the last cursor.

Examples:
  thump publish chat:42 'hello'
  thump publish chat:42 --event joined --json '{"user":"u7"}'
  thump publish logo --file logo.png
  tail -F app.log | thump publish logs:api`,
    )
    .action(async (room: string, text: string | undefined, flags: PublishFlags) => {
      const { runPublish: run } = await import("./publish/run-publish.ts");
      await runAndExit(run(room, text, flags));
    });
}

/** Adds `thump tail`. */
export function addTail(program: Command): void {
  const tail = program
    .command("tail")
    .description("print the messages of rooms as they are published")
    .argument("<room...>", "room names")
    .option("--last <n>", "start with the newest n messages of each room", whole(0))
    .option("--after <cursor>", "start after a cursor")
    .option("--events <names>", "print only these events, comma-separated", names)
    .option("--count <n>", "exit after n messages", whole(1))
    .addOption(colorOption());
  addConnection(tail, "print one JSON envelope per line, and gap notices")
    .addHelpText(
      "after",
      `
After a disconnect, tail resumes from its cursors. It reports disconnects and messages that are no longer stored on stderr.

Examples:
  thump tail chat:42 --last 10
  thump tail orders payments --events failed
  thump tail logs:api --json | jq .data`,
    )
    .action(async (rooms: string[], flags: TailFlags) => {
      const { runTail: run } = await import("./tail/run-tail.ts");
      await runAndExit(run(rooms, flags));
    });
}

/** Adds `thump rooms`. */
export function addRooms(program: Command): void {
  const rooms = program
    .command("rooms")
    .description("list rooms with their session and stored-message counts")
    .argument("[pattern]", "room names to match, such as 'chat:*'", "*")
    .addOption(
      new Option("--watch [time]", "refresh every 2s, or every [time]").argParser(duration).preset("2s"),
    )
    .addOption(colorOption());
  addConnection(rooms, "print one JSON object per line")
    .addHelpText(
      "after",
      `
With --watch, a terminal shows the rooms with the most sessions, and a pipe receives a line for each change.

Examples:
  thump rooms
  thump rooms 'chat:*' --watch
  thump rooms --json | jq -s 'map(.sessions) | add'`,
    )
    .action(async (pattern: string, flags: RoomsFlags) => {
      const { runRooms: run } = await import("./list-rooms-command.ts");
      await runAndExit(run(pattern, flags));
    });
}

/** Adds `thump bench`. */
export function addBench(program: Command): void {
  const bench = program
    .command("bench")
    .description("measure a running server, with many clients in a room and one publisher")
    .argument("[room]", "room name (default: a new room)")
    .option("--clients <n>", "WebSockets in the room", whole(1, 50_000), 100)
    .option("--rate <n>", "publications per second", whole(1, 100_000), 100)
    .addOption(
      new Option("--duration <time>", "duration of the run").argParser(duration).default(10_000, "10s"),
    )
    .option("--size <bytes>", "data size of each publication", whole(1), 64);
  addConnection(bench, "print one JSON object")
    .addHelpText(
      "after",
      `
Publishes at a fixed rate, and measures latency from the time when each publication was due. The clients, the
publisher and the clock run in this process; the output states if it was the bottleneck. The exit code is 1 if messages
were missing, repeated or out of order.

Example:
  thump bench --clients 1000 --rate 100 --duration 30s`,
    )
    .action(async (room: string | undefined, flags: BenchFlags) => {
      const { runBench: run } = await import("./bench/run-bench.ts");
      await runAndExit(run(room, flags));
    });
}
