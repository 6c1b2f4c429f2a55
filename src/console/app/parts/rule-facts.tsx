/** @jsxImportSource preact */
// What a rule says, in a few lines.
import type { RuleText } from "../server-api.ts";
import { bytes, count, duration } from "../format.ts";
import { Facts } from "./ui.tsx";

/** How much is kept. */
export function historyText({ history }: RuleText): string {
  if (!history) return "nothing";
  const where = history.store === undefined ? "" : `, in ${history.store}`;
  return `${count(history.count)}, ${duration(history.age)}, ${bytes(history.bytes)}${where}`;
}

export function RuleFacts({ rule }: { rule: RuleText }) {
  const { lag, join, publish, members, history, presence, compress, schema } = rule;
  const facts: [name: string, value: string][] = [
    ["keeps", historyText(rule)],
    ["who is slow", lag],
    ["join", join],
    ["publish", publish],
    ["see members", members],
    ["read history", history ? history.read : "–"],
    ["presence", presence ? `told, up to ${count(presence.list)} by name` : "not told"],
    ["compress", compress === false ? "no" : JSON.stringify(compress)],
  ];
  return (
    <>
      <Facts facts={facts} />
      <Schema schema={schema} />
    </>
  );
}

export function Schema({ schema }: { schema: unknown }) {
  if (schema === undefined) return null;
  return (
    <details class="schema">
      <summary>Schema</summary>
      <pre tabIndex={0}>{JSON.stringify(schema, undefined, 2)}</pre>
    </details>
  );
}
