// Two connected network namespaces. Programs in one can reach programs in the other until packets are dropped.
import { launch } from "./process.ts";
import { cleanup } from "./cleanup.ts";

/** The reason why namespaces cannot be used here; undefined if they can. */
export const noNamespaces = findReason();

function findReason(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "requires root on Linux";
  if (!Bun.which("ip") || !Bun.which("iptables"))
    return "no ip or iptables on this machine (Debian: apt-get install iproute2 iptables)";
  const name = `thump-try-${process.pid}`;
  const made = tryRun(["ip", "netns", "add", name]);
  const drops = made && tryRun(["ip", "netns", "exec", name, "iptables", "-P", "INPUT", "DROP"]);
  tryRun(["ip", "netns", "del", name]);
  return drops ? undefined : "network namespaces, or iptables in them, are not allowed here";
}

function tryRun(command: string[]): boolean {
  return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
}

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${String(stderr)}`);
}

export interface Namespace {
  readonly address: string;
  /** The command prefix that runs a program in the namespace. */
  readonly exec: string[];
  /** Drops all packets to and from the namespace, as if the cable were unplugged. */
  vanish(): void;
}

let count = 0;

/** Creates both namespaces, and deletes them when the test ends. */
export function namespaces(): [server: Namespace, client: Namespace] {
  const id = `${process.pid}-${++count}`;
  const names = [`thump-a-${id}`, `thump-b-${id}`];
  const cables = [`ta${id}`, `tb${id}`];
  cleanup(() => names.forEach((name) => tryRun(["ip", "netns", "del", name])));
  for (const name of names) run("ip", "netns", "add", name);
  const [a = "", b = ""] = cables;
  const [nameA = "", nameB = ""] = names;
  run("ip", "link", "add", a, "netns", nameA, "type", "veth", "peer", "name", b, "netns", nameB);
  const sides = names.map((name, i): Namespace => {
    const address = `10.213.77.${i + 1}`;
    const exec = ["ip", "netns", "exec", name];
    run("ip", "-n", name, "addr", "add", `${address}/24`, "dev", cables[i] as string);
    for (const device of ["lo", cables[i] as string]) run("ip", "-n", name, "link", "set", device, "up");
    return {
      address,
      exec,
      vanish() {
        for (const chain of ["INPUT", "OUTPUT"]) run(...exec, "iptables", "-P", chain, "DROP");
      },
    };
  });
  return sides as [Namespace, Namespace];
}

/** Runs a Bun program in a namespace. The program is killed when the test ends. */
export function spawnIn({ exec }: Namespace, args: string[], env: Record<string, string> = {}) {
  return launch([...exec, process.execPath, ...args], env);
}
