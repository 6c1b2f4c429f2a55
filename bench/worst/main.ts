// `bun bench worst`: the server's CPU time and longest tick for the costliest request to each route and command.
import { spread } from "../report/statistics.ts";
import { table, type TextRow } from "../report/table.ts";
import { count, digits } from "../report/words.ts";
import { prepare, type Probe } from "./fixture.ts";
import { expensiveRequests } from "./requests.ts";
import { send } from "./send.ts";
import type { ExpensiveRequest } from "./expensive-request.ts";

const RUNS = 5;
/** Length of the idle measurement, in ms. The server's CPU time while idle is subtracted from that of each request. */
const IDLE_MS = 1000;

interface Cost {
  worst: ExpensiveRequest;
  cpu: number;
  longest: number;
  bytes: number;
  answer: string;
}

let addresses = 0;

async function costOf(fixture: Probe, worst: ExpensiveRequest, idle: number): Promise<Cost> {
  const runs: Omit<Cost, "worst">[] = [];
  for (let run = 0; run < RUNS; run++) {
    const request = worst.request(fixture);
    // Every request has its own address, so that requests do not share rate limits.
    const address = `192.0.2.${addresses % 250}`;
    addresses++;
    await fixture.ask();
    const began = performance.now();
    const { answer, bytes } = await send(fixture.port, request, address);
    const { cpu, longest } = await fixture.ask();
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
  const wanted = expensiveRequests.filter(
    ({ target, title }) => only === undefined || `${target} ${title}`.includes(only),
  );
  const fixture = await prepare((text) => console.log(text));
  try {
    await Bun.sleep(IDLE_MS);
    await fixture.ask();
    await Bun.sleep(IDLE_MS);
    const idle = (await fixture.ask()).cpu / IDLE_MS;
    const costs: Cost[] = [];
    for (const [i, one] of wanted.entries()) {
      console.error(`${i + 1} of ${wanted.length}: ${one.target}, ${one.title}`);
      costs.push(await costOf(fixture, one, idle));
    }
    console.log(textOf(costs));
  } finally {
    await fixture.stop();
  }
}

function textOf(costs: Cost[]): string {
  const rows: TextRow[] = [
    ["route or command", "request", "sender", "CPU ms", "longest tick ms", "response bytes", "response"],
  ];
  for (const { worst: one, cpu, longest, bytes, answer } of costs)
    rows.push([one.target, one.title, one.by, digits(cpu), digits(longest), count(bytes), answer]);
  const largest = (value: (cost: Cost) => number) => digits(Math.max(...costs.map(value)));
  return [
    table(rows),
    "",
    `Maximum: ${largest(({ cpu }) => cpu)} ms of CPU time, ${largest(({ longest }) => longest)} ms in one tick. Figures are medians of ${RUNS} requests.`,
    "CPU time is the server's, minus its usage while idle. Ticks are measured as the delay of a 1 ms timer.",
  ].join("\n");
}
