// Transports use only direct members of the room service and its hub, and do not reach through other objects.
import { expect, test } from "bun:test";
import { join } from "node:path";

const TRANSPORTS = join(import.meta.dir, "../../src/transports");
const CHAIN = String.raw`[A-Za-z_$][\w$]*(?:\s*\??\.\s*#?[A-Za-z_$][\w$]*)*`;

/** The properties in a destructuring pattern, with the variables that they declare. */
function bound(pattern: string): { property: string; variable: string }[] {
  return pattern
    .split(",")
    .map((part) => part.split("=", 1)[0]?.trim() ?? "")
    .filter((part) => /^[A-Za-z_$][\w$]*(\s*:\s*[A-Za-z_$][\w$]*)?$/.test(part))
    .map((part) => {
      const [property = "", variable = property] = part.split(":").map((name) => name.trim());
      return { property, variable };
    });
}

/**
 * The properties that a member chain reads after the room service, or undefined if the chain does not start at the
 * service.
 */
function stepsFromService(chain: string, known: ReadonlyMap<string, string[]>): string[] | undefined {
  const names = chain.split(/\s*\??\.\s*/);
  const service = names.indexOf("service");
  if (service >= 0) return names.slice(service + 1);
  const steps = known.get(names[0] ?? "");
  return steps && [...steps, ...names.slice(1)];
}

/** The member chains in a source file that go deeper than `service.member` and `service.hub.member`. */
function deepChains(source: string): string[] {
  const text = source
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "")
    .replaceAll(/^import [\s\S]*?;$/gm, "");
  // Variables that hold an object reached through the service, with the properties that lead to it.
  const known = new Map<string, string[]>();
  for (const [, variable = ""] of text.matchAll(/\b(\w+): Hub\b/g)) known.set(variable, ["hub"]);
  for (const [, pattern = "", type] of text.matchAll(/\{([^{}]*)\}: (RoomService|Hub)\b/g))
    for (const { property, variable } of bound(pattern))
      known.set(variable, type === "Hub" ? ["hub", property] : [property]);
  for (const [, pattern = "", chain = ""] of text.matchAll(
    new RegExp(String.raw`const \{([^{}]*)\} = (${CHAIN});`, "g"),
  )) {
    const steps = stepsFromService(chain, known);
    if (steps) for (const { property, variable } of bound(pattern)) known.set(variable, [...steps, property]);
  }
  for (const [, variable = "", chain = ""] of text.matchAll(new RegExp(`const (\\w+) = (${CHAIN});`, "g"))) {
    const steps = stepsFromService(chain, known);
    if (steps && variable !== "service") known.set(variable, steps);
  }
  known.delete("service");
  return [...text.matchAll(new RegExp(`(?<![\\w.#"'\`])${CHAIN}`, "g"))]
    .map(([chain]) => chain)
    .filter((chain) => {
      const steps = stepsFromService(chain, known) ?? [];
      return steps.length > 2 || (steps.length === 2 && steps[0] !== "hub");
    });
}

test("transports reach no deeper than the members of the room service and its hub", async () => {
  const paths = await Array.fromAsync(new Bun.Glob("**/*.ts").scan(TRANSPORTS));
  expect(paths.length).toBeGreaterThan(15);
  for (const path of paths)
    expect({ path, deep: deepChains(await Bun.file(join(TRANSPORTS, path)).text()) }).toEqual({
      path,
      deep: [],
    });
});

test.each([
  "this.service.hub.fanOut.flow.reserve(1);",
  "service.limiter.take(context, kind);",
  "http.service.hub.log?.epoch;",
  "const { log } = this.service.hub;\nlog.epoch;",
  "const { hub } = service;\nhub.stats.lost++;",
  "function f({ hub }: RoomService) { return hub.rooms.size; }",
  "function f(hub: Hub) { return hub.rooms.size; }",
  "function f({ rooms: all }: Hub) { return all.size; }",
  "const { hub } = service;\nconst { log: it } = hub;\nit.epoch;",
  "const rooms = service.hub.rooms;\nrooms.get(room);",
])("finds %s", (source) => {
  expect(deepChains(source)).toHaveLength(1);
});

test.each([
  "this.service.hub.reserve(1); this.service.takeRate(context, kind);",
  "const { hub } = this.service;\nhub.cursorAt(hub.position);",
  "// service.hub.log.epoch\nconst { maxMessage } = service;",
  'import { a } from "../service/a.ts";',
  "session.memberships.get(room)?.room.rule;",
])("accepts %s", (source) => {
  expect(deepChains(source)).toEqual([]);
});
