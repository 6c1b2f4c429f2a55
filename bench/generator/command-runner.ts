// Executes the runner's commands on this process's connections.
import type { Answer, Assignment, Command, Party, Returned, Settled } from "../commands.ts";
import { now as clockNow } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { ConnectionOpener, isOpen } from "./connection-opener.ts";
import { connect, membersOf, type Member } from "./members.ts";
import { Streams } from "./streams.ts";
import { SocketLoop } from "./socket-loop.ts";
import { Tally } from "./tally.ts";
import { Window, undelivered, type ConnectedParty, type WindowContext } from "./window.ts";

const SETTLE_MS = 20;
const POLL_MS = 20;

type Done = Omit<Extract<Answer, { done: true }>, "done" | "clock">;

export class CommandRunner implements WindowContext {
  readonly parties = new Map<string, ConnectedParty>();
  readonly loop: SocketLoop;

  constructor(
    readonly assignment: Assignment,
    readonly progress: (text: string) => void,
  ) {
    this.loop = new SocketLoop(assignment.port, new Tally(new Streams()), assignment.process);
  }

  perform(command: Command): Done {
    switch (command.do) {
      case "connect":
        return this.#connect(command.party);
      case "window":
        return { window: new Window(this, command.plan).run() };
      case "pause":
        return this.#pause(command.party, command.count);
      case "unpause":
        return this.#unpause(command.party);
      case "drop":
        return this.#drop(command.party);
      case "return":
        return { returned: this.#return(command) };
      case "wait":
        this.loop.run(clockNow() + command.ms);
        return {};
      case "settle":
        return { settled: this.#settle(command.ms) };
    }
  }

  enter(party: Party): ConnectionOpener {
    const { streams } = this.loop.tally;
    const { process, processes, size } = this.assignment;
    const flowing = streams.next.some((next) => next > 0);
    const members = membersOf(party, streams, process, processes);
    for (const { receiver } of members) {
      if (!receiver || !flowing) continue;
      receiver.late = true;
      receiver.counts = false;
    }
    this.parties.set(party.name, { party, members });
    const openers = members.map((member) => () => connect(member, party, this.loop, size));
    return new ConnectionOpener(openers, Math.ceil(party.atOnce / processes), isOpen);
  }

  #connect(party: Party): Done {
    const opener = this.enter(party);
    let reported = 0;
    this.loop.run(Infinity, [opener], () => {
      if (opener.count - reported >= 1000) this.progress(`${(reported = opener.count)} sessions open`);
      return opener.done;
    });
    this.loop.run(clockNow() + SETTLE_MS);
    // Sessions that joined while no message was in flight are checked like those connected from the start.
    for (const { receiver } of this.connected(party.name).members) {
      if (!receiver?.late) continue;
      const { streams } = this.loop.tally;
      for (const stream of streams.ofRoom[receiver.room] ?? [])
        receiver.positions[streams.place[stream]!] ??= streams.next[stream]! - 1;
      receiver.late = false;
      receiver.counts = true;
    }
    return { joined: opener.result() };
  }

  connected(name: string): ConnectedParty {
    const connected = this.parties.get(name);
    if (!connected) throw new Error(`unknown party ${name}`);
    return connected;
  }

  #listening(name: string): { member: Member; connection: Connection }[] {
    return this.connected(name).members.flatMap((member) =>
      member.receiver && member.connection ? [{ member, connection: member.connection }] : [],
    );
  }

  #pause(party: string, count: number): Done {
    const here = Math.ceil(count / this.assignment.processes);
    for (const { member, connection } of this.#listening(party).slice(0, here)) {
      member.receiver!.counts = false;
      member.paused = true;
      this.loop.pause(connection, true);
    }
    return {};
  }

  #unpause(party: string): Done {
    for (const { member, connection } of this.#listening(party)) {
      if (!member.paused) continue;
      member.paused = false;
      if (!connection.closed) this.loop.pause(connection, false);
    }
    return {};
  }

  #drop(party: string): Done {
    for (const { connection } of this.#listening(party)) this.loop.close(connection);
    return {};
  }

  #return({ party, missed, atOnce, within }: Extract<Command, { do: "return" }>): Returned {
    const connected = this.connected(party);
    const { tally } = this.loop;
    tally.begin(Infinity, Infinity);
    const before = tally.deliveries;
    const frames = connected.party.dialect.replays === true;
    const members = new Map<Connection, Member>();
    const openers = this.#listening(party).map(({ member, connection }) => () => {
      const again = connect(
        member,
        connected.party,
        this.loop,
        this.assignment.size,
        connection.cursor ?? "",
      );
      members.set(again, member);
      return again;
    });
    const arrived = (connection: Connection, now: number) => {
      if (!connection.open) return undefined;
      const complete = frames
        ? connection.payloads >= missed
        : undelivered([members.get(connection)!], this.loop) === 0;
      return complete ? now : undefined;
    };
    const opener = new ConnectionOpener(
      openers,
      Math.ceil(atOnce / this.assignment.processes),
      arrived,
      within,
    );
    try {
      this.loop.run(Infinity, [opener], () => opener.done);
    } catch (error) {
      // Sessions that did not resume are counted below.
      this.progress(error instanceof Error ? error.message : String(error));
    }
    const all = openers.length * missed;
    const got = frames
      ? [...members.keys()].reduce((sum, { payloads }) => sum + Math.min(missed, payloads), 0)
      : tally.deliveries - before;
    tally.faults.undelivered = Math.max(0, all - got);
    return { ...opener.result(), recovered: got / all, faults: tally.faults };
  }

  #settle(ms: number): Settled {
    const { tally } = this.loop;
    const until = clockNow() + ms;
    const members = [...this.parties.values()].flatMap((connected) => connected.members);
    for (const { receiver } of members) if (receiver && !receiver.late) receiver.counts = true;
    const behind = () => members.filter((member) => undelivered([member], this.loop) > 0).length;
    while (clockNow() < until && behind() > 0) this.loop.run(clockNow() + POLL_MS);
    const receivers = members.flatMap(({ receiver }) => receiver ?? []);
    tally.faults.undelivered = undelivered(members, this.loop);
    return {
      deliveries: tally.deliveries,
      caughtUp: receivers.length - behind(),
      faults: tally.faults,
      announced: receivers.filter(({ missing }) => missing > 0).length,
      missing: receivers.reduce((sum, { missing }) => sum + missing, 0),
    };
  }
}
