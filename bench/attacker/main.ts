// The attacker's process: reads commands from standard input, one per line, and runs attacks at a fixed rate.
import type { Attack, Deeds, Order, Ready } from "./attack.ts";
import { attacks } from "./attacks.ts";
import { newcomer } from "./newcomer.ts";
import { Tally } from "./tally.ts";

const TICK_MS = 10;

const port = Number(process.argv[2]);

/**
 * A running attack. Closed connections are reopened. Requests missed while behind schedule are not made up.
 */
class Running {
  readonly #attack: Attack;
  readonly #tally: Tally;
  readonly #timer: Timer;
  readonly #since = performance.now();
  readonly #cpu = process.cpuUsage();
  #acts = 0;

  constructor(attack: Attack, tally: Tally) {
    this.#attack = attack;
    this.#tally = tally;
    this.#timer = setInterval(() => {
      const due = Math.round(((performance.now() - this.#since) / 1000) * attack.pace) - this.#acts;
      const now = Math.min(due, Math.max(1, Math.ceil((attack.pace * TICK_MS) / 1000) * 2));
      if (now <= 0) return;
      this.#acts += now;
      attack.act(now);
    }, TICK_MS);
  }

  async end(): Promise<Deeds> {
    const { user, system } = process.cpuUsage(this.#cpu);
    const seconds = (performance.now() - this.#since) / 1000;
    const acts = this.#acts;
    const status = await newcomer(port);
    clearInterval(this.#timer);
    this.#attack.end();
    const { answers } = this.#tally;
    return { acts, seconds, cpu: (user + system) / 1e6 / seconds, answers, newcomer: status };
  }
}

let running: Running | undefined;
const respond = (line: Ready | Deeds | undefined) => console.log(JSON.stringify(line));
for await (const line of console) {
  const order = JSON.parse(line) as Order;
  if ("begin" in order) {
    const tally = new Tally();
    running = new Running(await attacks[order.begin](port, tally), tally);
    respond({ ready: true });
  } else {
    respond(await running?.end());
  }
}
process.exit(0);
