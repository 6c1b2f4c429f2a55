/** @jsxImportSource preact */
// The frame of every view: navigation, and the state of the connection.
import { useEffect, useRef } from "preact/hooks";
import type { State } from "../../client/index.ts";
import { useConsole, useLive, useRoute } from "./hooks.ts";
import { Overview } from "./pages/overview.tsx";
import { RoomPage } from "./pages/room.tsx";
import { Rooms } from "./pages/rooms.tsx";
import { RulesPage } from "./pages/rules.tsx";
import { SessionPage } from "./pages/session.tsx";
import { Sessions } from "./pages/sessions.tsx";
import { Mark } from "./parts/mark.tsx";
import { href, OVERVIEW, type Route, ROOMS, RULES, SESSIONS } from "./route.ts";

const VIEWS: [name: string, route: Route, pages: Route["page"][]][] = [
  ["Overview", OVERVIEW, ["overview"]],
  ["Rooms", ROOMS, ["rooms", "room"]],
  ["Sessions", SESSIONS, ["sessions", "session"]],
  ["Rules", RULES, ["rules"]],
];

export function Shell({ hasKey }: { hasKey: boolean }) {
  const { signOut } = useConsole();
  const route = useRoute();
  return (
    <>
      <header class="bar">
        <a class="brand" href={href(OVERVIEW)}>
          <Mark />
          <b>Thump</b>
        </a>
        <nav aria-label="Views">
          {VIEWS.map(([name, to, pages]) => (
            <a key={name} href={href(to)} aria-current={pages.includes(route.page) ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <Connection />
        {hasKey && (
          <button class="quiet" type="button" onClick={() => signOut()}>
            Sign out
          </button>
        )}
      </header>
      <main class="view">
        <View route={route} />
      </main>
    </>
  );
}

const STATES: Record<State, [look: string, text: string]> = {
  live: ["good", "live"],
  "catching up": ["busy", "catching up"],
  connecting: ["busy", "connecting"],
  offline: ["bad", "reconnecting"],
  closed: ["bad", "closed"],
};

function Connection() {
  const { state } = useLive();
  const [look, text] = STATES[state];
  return (
    <p class="connection" role="status" data-testid="connection">
      <span class={`dot ${look}`} aria-hidden="true" />
      {text}
    </p>
  );
}

/** The view of the route. When the view changes, the focus moves to the new heading. */
function View({ route }: { route: Route }) {
  const place = useRef<string>(undefined);
  const name = titleOf(route);
  useEffect(() => {
    document.title = `${name} · Thump console`;
    if (place.current !== undefined && place.current !== name) {
      document.querySelector<HTMLElement>("h1")?.focus();
      scrollTo(0, 0);
    }
    place.current = name;
  }, [name]);
  switch (route.page) {
    case "overview":
      return <Overview />;
    case "rooms":
      return <Rooms route={route} />;
    case "room":
      return <RoomPage key={route.name} name={route.name} />;
    case "sessions":
      return <Sessions route={route} />;
    case "session":
      return <SessionPage key={route.id} id={route.id} />;
    case "rules":
      return <RulesPage route={route} />;
  }
}

function titleOf(route: Route): string {
  if (route.page === "room") return route.name;
  if (route.page === "session") return `Session ${route.id}`;
  return VIEWS.find(([, { page }]) => page === route.page)?.[0] ?? "";
}
