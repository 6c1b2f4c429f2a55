// The commands that talk to a running server: publish, tail, rooms, bench.
import { type Command, Option } from "commander";
import { duration, names, whole } from "./flag-values.ts";
import { addConnection } from "./connection-flags.ts";
import type { BenchFlags } from "./bench/run-bench.ts";
import { colorOption } from "./colors.ts";
import type { PublishFlags } from "./publish/run-publish.ts";
import type { RoomsFlags } from "./list-rooms-command.ts";
import type { TailFlags } from "./tail/run-tail.ts";

/** As many as the server takes in one request. */
const MAX_BATCH = 1000;

/** Runs to the end: nothing that still goes on, such as a standard input that nobody reads, is waited for. */
async function toTheEnd(command: Promise<void>): Promise<never> {
  await command;
  process.exit();
}

/** `thump publish`. */
export function addPublish(program: Command): void {
  const publish = program
    .command("publish")
    .description("publish a text, a file, or each line of standard input")
    .argument("<room>", "the room")
    .argument("[text]", "what to publish; else each line of standard input")
    .option("--file <file>", "publish a whole file; - is all of standard input")
    .option("--event <name>", "the event's name (message)")
    .option("--key <key>", "the idempotency key; of line n, <key>:n")
    .addOption(new Option("--text", "a text stays one even if it parses as JSON").conflicts("json"))
    .option("--batch <n>", `publications a request, at most ${MAX_BATCH}`, whole(1, MAX_BATCH), 500)
    .option("--keep-going", "go on after a line that is not taken; the exit code is then 1")
    .addOption(
      new Option("--retry <time>", "how long to wait for a server that was there and went away")
        .argParser(duration)
        .default(60_000, "1m"),
    );
  addConnection(publish, 'data must be JSON; print {"at":…,"published":…}')
    .addHelpText(
      "after",
      `
Lines are published in order, each once: what a lost answer leaves in doubt is sent again with the same
idempotency key. Prints the last cursor.

Examples:
  thump publish chat:42 'hello'
  thump publish chat:42 --event joined --json '{"user":"u7"}'
  thump publish logo --file logo.png
  tail -F app.log | thump publish logs:api`,
    )
    .action(async (room: string, text: string | undefined, flags: PublishFlags) => {
      const { runPublish: run } = await import("./publish/run-publish.ts");
      await toTheEnd(run(room, text, flags));
    });
}

/** `thump tail`. */
export function addTail(program: Command): void {
  const tail = program
    .command("tail")
    .description("print what is published in rooms, as it happens")
    .argument("<room...>", "the rooms")
    .option("--last <n>", "begin with the newest n of each room", whole(0))
    .option("--after <cursor>", "begin after a cursor")
    .option("--events <names>", "these events alone, with commas between them", names)
    .option("--count <n>", "end after n publications", whole(1))
    .addOption(colorOption());
  addConnection(tail, "print one JSON envelope a line, and gap notices")
    .addHelpText(
      "after",
      `
After a drop it goes on where it was, and says so on stderr; so it does of what is no longer kept.

Examples:
  thump tail chat:42 --last 10
  thump tail orders payments --events failed
  thump tail logs:api --json | jq .data`,
    )
    .action(async (rooms: string[], flags: TailFlags) => {
      const { runTail: run } = await import("./tail/run-tail.ts");
      await toTheEnd(run(rooms, flags));
    });
}

/** `thump rooms`. */
export function addRooms(program: Command): void {
  const rooms = program
    .command("rooms")
    .description("print which rooms there are, how many sessions are in them, and what they keep")
    .argument("[pattern]", "such as 'chat:*'", "*")
    .addOption(
      new Option("--watch [time]", "look again every so often (2s)").argParser(duration).preset("2s"),
    )
    .addOption(colorOption());
  addConnection(rooms, "print one JSON object a line")
    .addHelpText(
      "after",
      `
With --watch a terminal shows the fullest rooms; a pipe gets a line for each change.

Examples:
  thump rooms
  thump rooms 'chat:*' --watch
  thump rooms --json | jq -s 'map(.sessions) | add'`,
    )
    .action(async (pattern: string, flags: RoomsFlags) => {
      const { runRooms: run } = await import("./list-rooms-command.ts");
      await toTheEnd(run(pattern, flags));
    });
}

/** `thump bench`. */
export function addBench(program: Command): void {
  const bench = program
    .command("bench")
    .description("measure a running server: many clients in a room, and a publisher")
    .argument("[room]", "the room; else one of its own")
    .option("--clients <n>", "WebSockets in the room", whole(1, 50_000), 100)
    .option("--rate <n>", "publications a second", whole(1, 100_000), 100)
    .addOption(new Option("--duration <time>", "for how long").argParser(duration).default(10_000, "10s"))
    .option("--size <bytes>", "the data of each", whole(1), 64);
  addConnection(bench, "print one JSON object")
    .addHelpText(
      "after",
      `
Publishes at the rate, however the server fares, and counts from when each was due. Clients, publisher and clock are this
one process: it says when it was the limit. The exit code is 1 when anything was missing, repeated or out of order.

Example:
  thump bench --clients 1000 --rate 100 --duration 30s`,
    )
    .action(async (room: string | undefined, flags: BenchFlags) => {
      const { runBench: run } = await import("./bench/run-bench.ts");
      await toTheEnd(run(room, flags));
    });
}
