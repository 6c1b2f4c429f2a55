// The attack scenario: runs the attacks one after another and measures the honest sessions during each.
import { ATTACKS, type AttackName } from "../../attacker/attack.ts";
import { residentBytes } from "../../generator/usage.ts";
import type { AttackResult, HostileResult } from "../../results.ts";
import { Attacker } from "../attacker.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

/** Length of a window as a multiple of the usual length. At a low rate, a meaningful p99 takes longer to measure. */
const WINDOW_FACTOR = 2;

export async function hostile(rig: Rig, pace: Pace): Promise<HostileResult> {
  const { rate = 200 } = rig.scenario;
  const { warmup, grace } = pace;
  const plan = { rate, warmup, seconds: pace.seconds * WINDOW_FACTOR, grace };
  await rig.connectAll();
  rig.say("warming up");
  await rig.window({ ...plan, seconds: pace.seconds });
  const attacker = new Attacker(rig.server.port);
  const assaults: AttackResult[] = [];
  try {
    rig.say("no attack");
    const { window: before } = await rig.window(plan);
    const rssBefore = residentBytes(rig.server.pid);
    for (const name of Object.keys(ATTACKS) as AttackName[]) {
      rig.say(ATTACKS[name]);
      const { report, done } = await attacker.during(name, () => rig.window(plan));
      const { window } = done;
      // The attacker's CPU time is intended and does not count as a disturbance.
      const others = Math.max(0, window.others - report.cpu);
      assaults.push({
        name,
        perSecond: report.requests / report.seconds,
        cpu: report.cpu,
        answers: report.answers,
        newcomer: report.newcomer,
        window: { ...window, others },
      });
      // Wait until the attack's last connections have closed and their effects have worn off.
      await rig.window({ ...plan, seconds: pace.step });
    }
    rig.say("no attack again");
    const { window: after } = await rig.window(plan);
    return {
      kind: "hostile",
      before,
      assaults,
      after,
      rss: { before: rssBefore, after: residentBytes(rig.server.pid) },
    };
  } finally {
    await attacker.end();
  }
}
