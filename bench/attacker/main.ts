// The attacker's process: reads commands from standard input, one per line, and runs attacks at a fixed rate.
import type { Attack, AttackReport, AttackerCommand, AttackReady } from "./attack.ts";
import { attacks } from "./attacks.ts";
import { newClientStatus } from "./new-client.ts";
import { Tally } from "./tally.ts";

const TICK_MS = 10;

const port = Number(process.argv[2]);

/**
 * A running attack. Closed connections are reopened. If the attack falls behind schedule, it catches up at up to twice
 * its normal rate.
 */
class Running {
  readonly #attack: Attack;
  readonly #tally: Tally;
  readonly #timer: Timer;
  readonly #since = performance.now();
  readonly #cpu = process.cpuUsage();
  #requests = 0;

  constructor(attack: Attack, tally: Tally) {
    this.#attack = attack;
    this.#tally = tally;
    this.#timer = setInterval(() => {
      const due = Math.round(((performance.now() - this.#since) / 1000) * attack.rate) - this.#requests;
      const now = Math.min(due, Math.max(1, Math.ceil((attack.rate * TICK_MS) / 1000) * 2));
      if (now <= 0) return;
      this.#requests += now;
      attack.send(now);
    }, TICK_MS);
  }

  async end(): Promise<AttackReport> {
    const { user, system } = process.cpuUsage(this.#cpu);
    const seconds = (performance.now() - this.#since) / 1000;
    const requests = this.#requests;
    const status = await newClientStatus(port);
    clearInterval(this.#timer);
    this.#attack.end();
    const { answers } = this.#tally;
    return { requests, seconds, cpu: (user + system) / 1e6 / seconds, answers, newcomer: status };
  }
}

let running: Running | undefined;
const respond = (line: AttackReady | AttackReport | undefined) => console.log(JSON.stringify(line));
for await (const line of console) {
  const order = JSON.parse(line) as AttackerCommand;
  if ("begin" in order) {
    const tally = new Tally();
    running = new Running(await attacks[order.begin](port, tally), tally);
    respond({ ready: true });
  } else {
    respond(await running?.end());
  }
}
process.exit(0);
