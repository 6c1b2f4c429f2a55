// `bun bench worst`: what the worst request of every route and command costs the server, and for how long it holds a tick.
import { spread } from "../report/statistics.ts";
import { table, type TextRow } from "../report/table.ts";
import { count, digits } from "../report/words.ts";
import { prepare, type Probe } from "./place.ts";
import { worstRequests } from "./requests.ts";
import { send } from "./send.ts";
import type { Worst } from "./worst.ts";

const RUNS = 5;
/** What the server does by itself in the time of a request, in ms: it is measured and taken off. */
const IDLE_MS = 1000;

interface Cost {
  worst: Worst;
  cpu: number;
  longest: number;
  bytes: number;
  answer: string;
}

let addresses = 0;

async function costOf(place: Probe, worst: Worst, idle: number): Promise<Cost> {
  const runs: Omit<Cost, "worst">[] = [];
  for (let run = 0; run < RUNS; run++) {
    const request = worst.request(place);
    // Each has an address of its own: what it costs counts, not what an earlier one has used up.
    const address = `192.0.2.${addresses % 250}`;
    addresses++;
    await place.ask();
    const began = performance.now();
    const { answer, bytes } = await send(place.port, request, address);
    const { cpu, longest } = await place.ask();
    runs.push({ cpu: Math.max(0, cpu - idle * (performance.now() - began)), longest, bytes, answer });
  }
  const median = (value: (run: Omit<Cost, "worst">) => number) => spread(runs.map(value)).median;
  return {
    worst,
    cpu: median((run) => run.cpu),
    longest: median((run) => run.longest),
    bytes: median((run) => run.bytes),
    answer: runs[0]?.answer ?? "none",
  };
}

export async function worst(only: string | undefined): Promise<void> {
  const wanted = worstRequests.filter(
    ({ target, title }) => only === undefined || `${target} ${title}`.includes(only),
  );
  const place = await prepare((text) => console.log(text));
  try {
    await Bun.sleep(IDLE_MS);
    await place.ask();
    await Bun.sleep(IDLE_MS);
    const idle = (await place.ask()).cpu / IDLE_MS;
    const costs: Cost[] = [];
    for (const [i, one] of wanted.entries()) {
      console.error(`${i + 1} of ${wanted.length}: ${one.target}, ${one.title}`);
      costs.push(await costOf(place, one, idle));
    }
    console.log(textOf(costs));
  } finally {
    await place.stop();
  }
}

function textOf(costs: Cost[]): string {
  const rows: TextRow[] = [
    ["route or command", "the request", "by", "CPU ms", "longest tick ms", "answer bytes", "answer"],
  ];
  for (const { worst: one, cpu, longest, bytes, answer } of costs)
    rows.push([one.target, one.title, one.by, digits(cpu), digits(longest), count(bytes), answer]);
  const most = (value: (cost: Cost) => number) => digits(Math.max(...costs.map(value)));
  return [
    table(rows),
    "",
    `At most ${most(({ cpu }) => cpu)} ms of CPU, and ${most(({ longest }) => longest)} ms in one tick: medians of ${RUNS} requests each.`,
    "CPU is the server's own, less what it uses when nothing is asked. A tick is how late a timer of 1 ms came.",
  ].join("\n");
}
