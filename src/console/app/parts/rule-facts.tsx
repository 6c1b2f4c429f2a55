/** @jsxImportSource preact */
// Shows a rule in a few lines.
import type { RuleText } from "../server-api.ts";
import { bytes, count, duration } from "../format.ts";
import { Facts } from "./ui.tsx";

/** The retention of the history. */
export function historyText({ history }: RuleText): string {
  if (!history) return "none";
  const where = history.store === undefined ? "" : `, in ${history.store}`;
  return `${count(history.count)}, ${duration(history.age)}, ${bytes(history.bytes)}${where}`;
}

export function RuleFacts({ rule }: { rule: RuleText }) {
  const { lag, join, publish, members, history, presence, compress, schema } = rule;
  const facts: [name: string, value: string][] = [
    ["history", historyText(rule)],
    ["lag", lag],
    ["join", join],
    ["publish", publish],
    ["see members", members],
    ["read history", history ? history.read : "–"],
    ["presence", presence ? `on, lists up to ${count(presence.list)} users` : "off"],
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
