// A new server and its generator, and the operations that scenarios perform on them.
import type { Adapter } from "../adapter.ts";
import type { Command, Joined, Party, WindowPart, WindowPlan } from "../commands.ts";
import { now } from "../generator/clock.ts";
import type { Moment, Window } from "../results.ts";
import type { PartySpec, Scenario } from "../scenarios.ts";
import { Generator, type Done } from "./generator.ts";
import { mergeJoined, mergeWindow } from "./merge.ts";
import { startServer, type RunningServer } from "./server.ts";

/** Maximum number of sockets per generator process. Some machines limit a process to 20,000 open files. */
const MAX_SOCKETS_PER_PROCESS = 16_000;
/**
 * Time from the command to the first message, in ms. Every process must have received the command by then.
 */
const START_DELAY_MS = 20;
const MAX_CONCURRENT_HANDSHAKES = 128;

export type Say = (text: string) => void;

export interface Measured {
  window: Window;
  joined?: ReturnType<typeof mergeJoined>;
  timeline?: Moment[];
}

export class Rig {
  private constructor(
    readonly adapter: Adapter,
    readonly scenario: Scenario,
    readonly server: RunningServer,
    readonly generator: Generator,
    readonly say: Say,
  ) {}

  /** Starts a server and a generator, runs `work`, and stops both. */
  static async use<T>(
    adapter: Adapter,
    scenario: Scenario,
    say: Say,
    work: (rig: Rig) => Promise<T>,
  ): Promise<T> {
    say("starting");
    const server = await startServer(adapter);
    let generator: Generator | undefined;
    try {
      const { port, pid } = server;
      const processes = Math.ceil(socketsOf(scenario) / MAX_SOCKETS_PER_PROCESS);
      generator = await Generator.start({ port, pid, size: scenario.size }, processes, say);
      return await work(new Rig(adapter, scenario, server, generator, say));
    } catch (error) {
      const ended = server.ended();
      throw ended === undefined ? error : new Error(ended, { cause: error });
    } finally {
      await generator?.end();
      await server.stop();
    }
  }

  /** Builds a party for the generator from the party's description in the scenario. */
  party(name: string, spec: PartySpec, listens = true): Party {
    const dialect = this.adapter.dialects[spec.dialect];
    if (!dialect) throw new Error(`${this.adapter.name} has no ${spec.dialect}`);
    const { count, rooms = 1, zipf, publishes = !listens, receiveBuffer, returns } = spec;
    return {
      name,
      dialect,
      count,
      rooms,
      ...(zipf === undefined ? {} : { zipf }),
      ...(receiveBuffer === undefined ? {} : { receiveBuffer }),
      ...(returns ? { returns } : {}),
      listens,
      publishes,
      atOnce: MAX_CONCURRENT_HANDSHAKES,
    };
  }

  /** Connects all parties of the scenario: subscribers, then publishers. */
  async connectAll(): Promise<void> {
    const { subscribers, publishers } = this.scenario;
    for (const [index, spec] of subscribers.entries())
      await this.connect(this.party(spec.name ?? `subscribers-${index}`, spec));
    if (publishers) await this.connect(this.party("publishers", publishers, false));
  }

  async connect(party: Party): Promise<ReturnType<typeof mergeJoined>> {
    this.say(`opening ${party.count.toLocaleString("en")} sessions`);
    return mergeJoined(await this.#each({ do: "connect", party }, ({ joined }) => joined));
  }

  async window(plan: Omit<WindowPlan, "start">): Promise<Measured> {
    const whole: WindowPlan = { ...plan, start: Math.ceil(now()) + START_DELAY_MS };
    const parts: WindowPart[] = await this.#each({ do: "window", plan: whole }, ({ window }) => window);
    const joined: Joined[] = parts.flatMap((part) => part.joined ?? []);
    const timeline = parts[0]?.timeline;
    return {
      window: mergeWindow(whole, parts),
      ...(joined.length > 0 ? { joined: mergeJoined(joined) } : {}),
      ...(timeline ? { timeline } : {}),
    };
  }

  perform(command: Command): Promise<Done[]> {
    return this.generator.perform(command);
  }

  async #each<T>(command: Command, pick: (done: Done) => T | undefined): Promise<T[]> {
    return (await this.perform(command)).flatMap((done) => pick(done) ?? []);
  }
}

function socketsOf({ subscribers, publishers, joining }: Scenario): number {
  const listening = [...subscribers, ...(joining ? [joining] : [])];
  return listening.reduce((sum, { count }) => sum + count, publishers?.count ?? 0);
}
