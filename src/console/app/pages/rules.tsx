/** @jsxImportSource preact */
// The effective rules in order of precedence, and the rule of one room.
import type { PatternRule } from "../server-api.ts";
import { replaceHash, usePolled } from "../hooks.ts";
import { historyText, RuleFacts, Schema } from "../parts/rule-facts.tsx";
import { SearchField } from "../parts/search-field.tsx";
import { Failure, Heading, Table } from "../parts/ui.tsx";
import { href, type Route, withQuery } from "../route.ts";

type RulesRoute = Extract<Route, { page: "rules" }>;
const REFRESH_MS = 10_000;

export function RulesPage({ route: { room } }: { route: RulesRoute }) {
  const { data, error } = usePolled<{ rules: PatternRule[] }>("/rules", REFRESH_MS);
  return (
    <>
      <div class="top">
        <Heading>Rules</Heading>
        <RoomSearch room={room} />
      </div>
      <Failure error={error} />
      {room !== "" && <RuleOfRoom room={room} />}
      {data && (
        <>
          <RulesTable rules={data.rules} />
          <p class="soft">
            The first matching pattern applies. <code>thump check</code> prints the same rules. A reload
            (SIGHUP) changes them without closing sessions.
          </p>
        </>
      )}
    </>
  );
}

function RulesTable({ rules }: { rules: PatternRule[] }) {
  return (
    <div class="panel flush">
      <Table
        caption="Rules: the first matching pattern applies"
        look="rules"
        testId="rules"
        columns={[
          ["Pattern"],
          ["History"],
          ["Lag"],
          ["Join"],
          ["Publish"],
          ["Members"],
          ["Read history"],
          ["Schema"],
        ]}
      >
        {rules.map(({ pattern, rule }) => (
          <tr key={pattern}>
            <th scope="row">
              {pattern === null ? <span class="soft">all others</span> : <code>{pattern}</code>}
            </th>
            <td data-name="History">{historyText(rule)}</td>
            <td data-name="Lag">{rule.lag}</td>
            <td data-name="Join">{rule.join}</td>
            <td data-name="Publish">{rule.publish}</td>
            <td data-name="Members">{rule.members}</td>
            <td data-name="Read history">{rule.history ? rule.history.read : "–"}</td>
            <td data-name="Schema">
              {rule.schema === undefined ? <span class="soft">–</span> : <Schema schema={rule.schema} />}
            </td>
          </tr>
        ))}
      </Table>
    </div>
  );
}

function RoomSearch({ room }: { room: string }) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <SearchField
        id="which"
        label="Find the rule of a room"
        placeholder="Rule of a room, chat:42"
        value={room}
        onSettled={(text) => replaceHash(href({ page: "rules", room: text }))}
      />
    </form>
  );
}

function RuleOfRoom({ room }: { room: string }) {
  const { data, error } = usePolled<PatternRule>(withQuery("/rules", { room }), REFRESH_MS);
  return (
    <section class="panel" aria-labelledby="of">
      <h2 id="of" class="name">
        {room}
      </h2>
      {/* The top of the page already reports that the server is unreachable. */}
      <Failure error={error?.code === "gone" ? undefined : error} />
      {data && (
        <>
          <p class="soft">
            {data.pattern === null ? "No pattern matches: default rule." : "Pattern "}
            {data.pattern !== null && <code>{data.pattern}</code>}
          </p>
          <RuleFacts rule={data.rule} />
        </>
      )}
    </section>
  );
}
