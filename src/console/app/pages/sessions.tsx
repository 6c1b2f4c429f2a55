/** @jsxImportSource preact */
// Who is connected, page by page, narrowed to a room, a user, or those that are behind.
import { useEffect, useState } from "preact/hooks";
import type { SessionRow } from "../api.ts";
import { ago, count } from "../format.ts";
import { replaceHash, useNow, usePolled, useSettled } from "../hooks.ts";
import { Empty, Failure, Heading, Pager } from "../parts/ui.tsx";
import { href, type Route, SESSIONS, withQuery } from "../route.ts";

type SessionsRoute = Extract<Route, { page: "sessions" }>;
interface Answer {
  sessions: SessionRow[];
  total: number;
  cursor?: string;
}

const LIMIT = 100;
const EVERY = 3000;

export function Sessions({ route }: { route: SessionsRoute }) {
  const { room, user, lagging, cursor } = route;
  const path = withQuery("/sessions", { room, user, lagging: lagging ? "1" : "", cursor, limit: LIMIT });
  const { data, error } = usePolled<Answer>(path, EVERY);
  const narrowed = room !== "" || user !== "" || lagging;
  return (
    <>
      <div class="top">
        <Heading>Sessions</Heading>
        <Filters route={route} />
      </div>
      <Failure error={error} />
      {data && data.sessions.length === 0 ? (
        <Empty>{narrowed ? "No session fits." : "Nobody is connected."}</Empty>
      ) : (
        <SessionsTable sessions={data?.sessions ?? []} />
      )}
      {data && <Pager route={route} shown={data.sessions.length} total={data.total} next={data.cursor} />}
    </>
  );
}

function Filters({ route }: { route: SessionsRoute }) {
  const { room, user, lagging } = route;
  const [typed, setTyped] = useState({ room, user });
  const settled = useSettled(typed, 200);
  useEffect(() => setTyped({ room, user }), [room, user]);
  useEffect(() => {
    if (settled.room !== room || settled.user !== user)
      replaceHash(href({ ...SESSIONS, lagging, room: settled.room, user: settled.user }));
  }, [settled]);
  const field = (name: "room" | "user", placeholder: string) => (
    <>
      <label class="unseen" for={name}>
        {placeholder}
      </label>
      <input
        id={name}
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={typed[name]}
        onInput={({ currentTarget }) => setTyped({ ...typed, [name]: currentTarget.value })}
      />
    </>
  );
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      {field("room", "In the room")}
      {field("user", "Of the user")}
      <label class="check">
        <input
          type="checkbox"
          checked={lagging}
          onChange={({ currentTarget: { checked } }) =>
            replaceHash(href({ ...route, lagging: checked, cursor: "", from: 0 }))
          }
        />
        lagging
      </label>
    </form>
  );
}

function SessionsTable({ sessions }: { sessions: SessionRow[] }) {
  const now = useNow();
  return (
    <div class="panel scroll">
      <table class="fixed sessions">
        <caption class="unseen">Sessions, the newest first</caption>
        <thead>
          <tr>
            <th scope="col" class="id">
              Session
            </th>
            <th scope="col">Transport</th>
            <th scope="col" class="wide">
              User
            </th>
            <th scope="col" class="address">
              Address
            </th>
            <th scope="col" class="number">
              Rooms
            </th>
            <th scope="col" class="time">
              Since
            </th>
          </tr>
        </thead>
        <tbody data-testid="sessions">
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
              <td class="wide cut">{user ?? <span class="soft">–</span>}</td>
              <td class="address cut">{address ?? "–"}</td>
              <td class="number">{count(rooms)}</td>
              <td class="time">{ago(since, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
