/** @jsxImportSource preact */
// The list of sessions, in pages, filtered by room, user or lag.
import type { SessionRow } from "../server-api.ts";
import { ago, count } from "../format.ts";
import { replaceHash, useNow, usePolled } from "../hooks.ts";
import { SearchField } from "../parts/search-field.tsx";
import { Empty, Failure, Heading, Pager, Table } from "../parts/ui.tsx";
import { href, type Route, withQuery } from "../route.ts";

type SessionsRoute = Extract<Route, { page: "sessions" }>;
interface SessionsAnswer {
  sessions: SessionRow[];
  total: number;
  cursor?: string;
}

const SESSIONS_PER_PAGE = 100;
const REFRESH_MS = 3000;

export function Sessions({ route }: { route: SessionsRoute }) {
  const { room, user, lagging, cursor } = route;
  const path = withQuery("/sessions", {
    room,
    user,
    lagging: lagging ? "1" : "",
    cursor,
    limit: SESSIONS_PER_PAGE,
  });
  const { data, error } = usePolled<SessionsAnswer>(path, REFRESH_MS);
  const narrowed = room !== "" || user !== "" || lagging;
  return (
    <>
      <div class="top">
        <Heading>Sessions</Heading>
        <Filters route={route} />
      </div>
      <Failure error={error} />
      {data && data.sessions.length === 0 ? (
        <Empty>{narrowed ? "No session matches." : "No sessions are connected."}</Empty>
      ) : (
        <SessionsTable sessions={data?.sessions ?? []} />
      )}
      {data && <Pager route={route} shown={data.sessions.length} total={data.total} next={data.cursor} />}
    </>
  );
}

function Filters({ route }: { route: SessionsRoute }) {
  const { room, user, lagging } = route;
  const go = (to: Partial<SessionsRoute>) => replaceHash(href({ ...route, ...to, cursor: "", from: 0 }));
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <SearchField id="room" label="Room" value={room} onSettled={(text) => go({ room: text })} />
      <SearchField id="user" label="User" value={user} onSettled={(text) => go({ user: text })} />
      <label class="check">
        <input
          type="checkbox"
          checked={lagging}
          onChange={({ currentTarget: { checked } }) => go({ lagging: checked })}
        />
        lagging
      </label>
    </form>
  );
}

function SessionsTable({ sessions }: { sessions: SessionRow[] }) {
  const now = useNow();
  return (
    <div class="panel flush">
      <Table
        caption="Sessions, newest first"
        look="fixed sessions"
        testId="sessions"
        columns={[
          ["Session", "id"],
          ["Transport"],
          ["User", "wide"],
          ["Address", "address"],
          ["Rooms", "number"],
          ["Since", "time"],
        ]}
      >
        {sessions.map(({ session, transport, user, address, rooms, since, lagging }) => (
          <tr key={session}>
            <td class="id">
              <a href={href({ page: "session", id: session })}>
                <code>{session}</code>
              </a>
            </td>
            <td>
              {transport} {lagging && <span class="badge busy">lagging</span>}
            </td>
            <td class="wide cut" title={user}>
              {user ?? <span class="soft">–</span>}
            </td>
            <td class="address cut">{address ?? "–"}</td>
            <td class="number">{count(rooms)}</td>
            <td class="time">{ago(since, now)}</td>
          </tr>
        ))}
      </Table>
    </div>
  );
}
