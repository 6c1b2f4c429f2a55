// The attacker's process: reads orders from its input, a line each, and does harm at a fixed pace in between.
import type { Attack, Deeds, Order } from "./attack.ts";
import { attacks } from "./attacks.ts";

const TICK = 10;

const port = Number(process.argv[2]);

/** An attack that is going on. Begun again where it was closed; what was missed of its pace is not made up for. */
class Running {
  readonly #attack: Attack;
  readonly #timer: Timer;
  readonly #since = performance.now();
  readonly #cpu = process.cpuUsage();
  #acts = 0;

  constructor(attack: Attack) {
    this.#attack = attack;
    this.#timer = setInterval(() => {
      const due = Math.round(((performance.now() - this.#since) / 1000) * attack.pace) - this.#acts;
      const now = Math.min(due, Math.ceil((attack.pace * TICK) / 1000) * 2);
      if (now <= 0) return;
      this.#acts += now;
      attack.act(now);
    }, TICK);
  }

  end(): Deeds {
    clearInterval(this.#timer);
    this.#attack.end();
    const { user, system } = process.cpuUsage(this.#cpu);
    const seconds = (performance.now() - this.#since) / 1000;
    return { acts: this.#acts, seconds, cpu: (user + system) / 1e6 / seconds };
  }
}

let running: Running | undefined;
for await (const line of console) {
  const order = JSON.parse(line) as Order;
  if ("begin" in order) running = new Running(attacks[order.begin](port));
  else console.log(JSON.stringify(running?.end()));
}
process.exit(0);
