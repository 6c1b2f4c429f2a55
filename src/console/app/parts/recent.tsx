/** @jsxImportSource preact */
// Recent events: errors by code, and connections.
import { ago, count, duration } from "../format.ts";
import { useLive, useNow } from "../hooks.ts";
import type { SessionEvent } from "../live-data.ts";
import { href } from "../route.ts";
import { Empty, Table } from "./ui.tsx";

export function ErrorsTable() {
  const { errors } = useLive();
  const now = useNow();
  const lines = [...errors.values()].toSorted((a, b) => b.last - a.last);
  return (
    <section class="panel" aria-labelledby="errors">
      <h2 id="errors">Recent errors</h2>
      {lines.length === 0 ? (
        <Empty>No errors in the last 15 minutes.</Empty>
      ) : (
        <Table
          caption="Errors sent to clients in the last 15 minutes, by code"
          look="errors"
          columns={[["Code"], ["Count", "number"], ["Last", "time"], ["Message", "wide"]]}
        >
          {lines.map(({ code, count: times, last, message }) => (
            <tr key={code}>
              <td>
                <code class={code === "internal" || code === "fault" ? "wrong" : ""}>{code}</code>
              </td>
              <td class="number">{count(times)}</td>
              <td class="time">{ago(last, now)}</td>
              <td class="wide">{message ?? <span class="soft">not shown: may contain client data</span>}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

export function SessionEvents() {
  const { events } = useLive();
  const now = useNow();
  return (
    <section class="panel" aria-labelledby="events">
      <h2 id="events">Connections</h2>
      {events.length === 0 ? (
        <Empty>No connections in the last 15 minutes.</Empty>
      ) : (
        <ol class="events">
          {events.slice(0, 12).map((event) => (
            <li key={`${event.session} ${event.what}`}>
              <Event event={event} now={now} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Event({ event, now }: { event: SessionEvent; now: number }) {
  const began = event.what === "began";
  const name = event.user ?? (began ? (event.address ?? "") : "");
  return (
    <>
      <span class={`badge ${began ? "good" : ""}`}>
        {began ? "connected" : event.reason === "client" ? "closed" : event.reason}
      </span>
      <a href={href({ page: "session", id: event.session })}>
        <code>{event.session}</code>
      </a>
      <span class="cut">
        {event.transport}
        {name && `, ${name}`}
        {!began && `, after ${duration(event.seconds)}`}
      </span>
      <span class="time">{ago(began ? event.since : event.time, now)}</span>
    </>
  );
}
