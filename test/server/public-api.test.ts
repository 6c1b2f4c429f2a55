// The public API: what index.ts exports, and the documentation of every field, which editors show on hover.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { type Symbol, SymbolFlags } from "typescript/unstable/async";
import { type Compiler, openCompiler } from "../../scripts/style/compiler.ts";
import { undocumented } from "../../scripts/style/public-api.ts";
import * as api from "../../src/index.ts";
import { cleanup } from "../support/cleanup.ts";

const ROOT = resolve(import.meta.dir, "../..");
const ENTRY = "src/index.ts";

const VALUES = [
  "OptionsError",
  "StoreError",
  "ThumpError",
  "createMetrics",
  "defineConfig",
  "serve",
  "thump",
];
const OPTION_TYPES = [
  "AccessOptions",
  "ApiKey",
  "ClientRates",
  "CompressOptions",
  "CountBucket",
  "HistoryOptions",
  "JwksOptions",
  "LimitOptions",
  "OperationRates",
  "Options",
  "PresenceOptions",
  "PublicJwk",
  "PublishOptions",
  "RatesOptions",
  "RestrictedKey",
  "RuleOptions",
  "SizeBucket",
  "StoreOptions",
  "SubscribeOptions",
  "TlsOptions",
];
const OTHER_TYPES = [
  "AccessLevel",
  "Authorize",
  "AuthorizeRequest",
  "Code",
  "CountRate",
  "Duration",
  "FieldError",
  "PublicKey",
  "RoomGap",
  "RoomMessage",
  "RoomPosition",
  "RunningServer",
  "Size",
  "SizeRate",
  "StoreCode",
  "ThumpServer",
];

let compiler: Compiler;
const exported = new Map<string, Symbol>();

beforeAll(async () => {
  compiler = await openCompiler(ROOT, [ENTRY]);
  const { checker, program } = compiler.main;
  const file = await program.getSourceFile(join(ROOT, ENTRY));
  const module = file && (await checker.getSymbolAtLocation(file));
  if (module === undefined) throw new Error("the entry point is not part of the project");
  for (const symbol of await checker.getExportsOfModule(module)) {
    const isAlias = (symbol.flags & SymbolFlags.Alias) !== 0;
    exported.set(symbol.name, isAlias ? await checker.getAliasedSymbol(symbol) : symbol);
  }
});

afterAll(() => compiler.close());

async function fieldsOf(name: string): Promise<readonly Symbol[]> {
  const { checker } = compiler.main;
  const type = await checker.getDeclaredTypeOfSymbol(exported.get(name) as Symbol);
  return checker.getPropertiesOfType(type);
}

test("these names are public, and no others", () => {
  expect(Object.keys(api).sort()).toEqual(VALUES);
  expect([...exported.keys()].sort()).toEqual([...VALUES, ...OPTION_TYPES, ...OTHER_TYPES].sort());
});

test("everything public is documented", async () => {
  expect(await undocumented(compiler.main, ROOT, [ENTRY])).toEqual([]);
});

test.each(OPTION_TYPES)("every field of %s has an example, and a default if it is optional", async (name) => {
  const { checker } = compiler.main;
  const fields = await fieldsOf(name);
  expect(fields.length).toBeGreaterThan(0);
  for (const field of fields) {
    const tags = (await checker.getJsDocTagsOfSymbol(field)).map((tag) => tag.name);
    const required = (field.flags & SymbolFlags.Optional) === 0;
    expect([field.name, tags]).toEqual([field.name, required ? ["example"] : ["default", "example"]]);
  }
});

test("the handle has exactly these public members", async () => {
  const members = ["attach", "close", "drain", "publish", "sessionsIn", "subscribe", "unready"];
  const fields = (await fieldsOf("ThumpServer"))
    .map(({ name }) => name)
    .filter((name) => !name.includes("#"));
  expect(fields.sort()).toEqual(members);
  const { thump, stop } = api.serve({ port: 0, drain: 0 });
  cleanup(stop);
  expect(Reflect.ownKeys(thump)).toEqual([]);
  const methods = Reflect.ownKeys(Object.getPrototypeOf(thump) as object);
  expect(methods.filter((name) => name !== "constructor").sort()).toEqual(members);
});

test("the option types accept typical inline configs", () => {
  const rsa = { kty: "RSA", kid: "2026-03", alg: "RS256", use: "sig", n: "0vx7", e: "AQAB" };
  // The compiler rejects an object literal with a field that the type does not have.
  const config = api.defineConfig({
    access: {
      keys: [
        { kty: "RSA", kid: "2026-03", alg: "RS256", use: "sig", n: "0vx7", e: "AQAB" },
        { key: { kty: "EC", crv: "P-256", x: "MKBC", y: "4Etl" }, algorithms: ["ES256"] },
        "-----BEGIN PUBLIC KEY-----",
      ],
    },
  });
  expect((config as { access: { keys: unknown[] } }).access.keys[0]).toEqual(rsa);
});
