/** @jsxImportSource preact */
// The rooms there are, page by page: the server looks, however many they are.
import { useEffect, useState } from "preact/hooks";
import type { RoomRow } from "../api.ts";
import { ago, bytes, count } from "../format.ts";
import { replaceHash, useNow, usePolled, useSettled } from "../hooks.ts";
import { Empty, Failure, Heading, Pager } from "../parts/ui.tsx";
import { href, type Order, patternOf, type Route, ROOMS, withQuery } from "../route.ts";

type RoomsRoute = Extract<Route, { page: "rooms" }>;
interface Answer {
  rooms: RoomRow[];
  total: number;
  cursor?: string;
}

const LIMIT = 100;
const EVERY = 3000;

export function Rooms({ route }: { route: RoomsRoute }) {
  const { search, sort, cursor } = route;
  const path = withQuery("/rooms", { match: patternOf(search), sort, cursor, limit: LIMIT });
  const { data, error } = usePolled<Answer>(path, EVERY);
  return (
    <>
      <div class="top">
        <Heading>Rooms</Heading>
        <Search search={search} sort={sort} />
      </div>
      <Failure error={error} />
      {data && data.rooms.length === 0 ? (
        <Empty>
          {search ? "No room is named so." : "There is no room: one is there as soon as somebody uses it."}
        </Empty>
      ) : (
        <RoomsTable rooms={data?.rooms ?? []} route={route} />
      )}
      {data && <Pager route={route} shown={data.rooms.length} total={data.total} next={data.cursor} />}
    </>
  );
}

/** Looks for what is typed, once one stops typing. */
function Search({ search, sort }: { search: string; sort: Order }) {
  const [text, setText] = useState(search);
  const settled = useSettled(text, 150);
  useEffect(() => setText(search), [search]);
  useEffect(() => {
    if (settled !== search) replaceHash(href({ ...ROOMS, search: settled, sort }));
  }, [settled]);
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label class="unseen" for="search">
        Search rooms by name or pattern
      </label>
      <input
        id="search"
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder="Name or pattern, chat:*"
        maxLength={200}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
    </form>
  );
}

function RoomsTable({ rooms, route }: { rooms: RoomRow[]; route: RoomsRoute }) {
  const now = useNow();
  const column = (name: string, sort: Order, look = "") => (
    <th
      scope="col"
      class={look}
      aria-sort={route.sort === sort ? (sort === "name" ? "ascending" : "descending") : "none"}
    >
      <a href={href({ ...route, sort, cursor: "", from: 0 })}>{name}</a>
    </th>
  );
  return (
    <div class="panel scroll">
      <table class="fixed rooms">
        <caption class="unseen">Rooms</caption>
        <thead>
          <tr>
            {column("Room", "name", "wide")}
            {column("Sessions", "sessions", "number")}
            <th scope="col" class="number">
              Kept
            </th>
            <th scope="col" class="number size">
              Size
            </th>
            <th scope="col" class="time">
              Newest
            </th>
          </tr>
        </thead>
        <tbody data-testid="rooms">
          {rooms.map(({ room, sessions, kept, newest }) => (
            <tr key={room}>
              <td class="wide cut">
                <a href={href({ page: "room", name: room })} title={room}>
                  {room}
                </a>
              </td>
              <td class="number">{count(sessions)}</td>
              <td class="number">{kept ? count(kept.count) : "–"}</td>
              <td class="number size">{kept ? bytes(kept.bytes) : "–"}</td>
              <td class="time">{newest === undefined ? "–" : ago(newest, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
