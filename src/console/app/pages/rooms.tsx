/** @jsxImportSource preact */
// The list of rooms, in pages. The server searches and sorts.
import type { RoomListRow } from "../server-api.ts";
import { ago, bytes, count } from "../format.ts";
import { replaceHash, useNow, usePolled } from "../hooks.ts";
import { SearchField } from "../parts/search-field.tsx";
import { type Column, Empty, Failure, Heading, Pager, type Sorting, Table } from "../parts/ui.tsx";
import { href, type Order, patternOf, type Route, ROOMS, withQuery } from "../route.ts";

type RoomsRoute = Extract<Route, { page: "rooms" }>;
interface RoomsAnswer {
  rooms: RoomListRow[];
  total: number;
  cursor?: string;
}

const ROOMS_PER_PAGE = 100;
const REFRESH_MS = 3000;

export function Rooms({ route }: { route: RoomsRoute }) {
  const { search, sort, cursor } = route;
  const path = withQuery("/rooms", { match: patternOf(search), sort, cursor, limit: ROOMS_PER_PAGE });
  const { data, error } = usePolled<RoomsAnswer>(path, REFRESH_MS);
  return (
    <>
      <div class="top">
        <Heading>Rooms</Heading>
        <Search search={search} sort={sort} />
      </div>
      <Failure error={error} />
      {data && data.rooms.length === 0 ? (
        <Empty>
          {search ? "No room matches." : "No rooms. A room is created when a client first uses it."}
        </Empty>
      ) : (
        <RoomsTable rooms={data?.rooms ?? []} route={route} />
      )}
      {data && <Pager route={route} shown={data.rooms.length} total={data.total} next={data.cursor} />}
    </>
  );
}

function Search({ search, sort }: { search: string; sort: Order }) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <SearchField
        id="search"
        label="Search rooms by name or pattern"
        placeholder="Name or pattern, chat:*"
        value={search}
        onSettled={(text) => replaceHash(href({ ...ROOMS, search: text, sort }))}
      />
    </form>
  );
}

function RoomsTable({ rooms, route }: { rooms: RoomListRow[]; route: RoomsRoute }) {
  const now = useNow();
  const sorted = (sort: Order, by: Sorting["by"]): Sorting => ({
    to: href({ ...route, sort, cursor: "", from: 0 }),
    by: route.sort === sort ? by : "none",
  });
  const columns: Column[] = [
    ["Room", "wide", sorted("name", "ascending")],
    ["Sessions", "number", sorted("sessions", "descending")],
    ["Stored", "number"],
    ["Size", "number size"],
    ["Newest", "time"],
  ];
  return (
    <div class="panel flush">
      <Table caption="Rooms" look="fixed rooms" testId="rooms" columns={columns}>
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
      </Table>
    </div>
  );
}
