/** @jsxImportSource preact */
// A room: its live messages, members and rule, and a form to publish.
import { useEffect, useState } from "preact/hooks";
import { useConsole, usePolled } from "../hooks.ts";
import type { PatternRule, SessionRow } from "../server-api.ts";
import { plural } from "../format.ts";
import { Members, type Present } from "../parts/members.tsx";
import { PublishBox } from "../parts/publish-box.tsx";
import { RuleFacts } from "../parts/rule-facts.tsx";
import { TailView } from "../parts/tail-view.tsx";
import { Failure, Heading } from "../parts/ui.tsx";
import { href, ROOMS, withQuery } from "../route.ts";

interface RoomRule extends PatternRule {
  room: string;
}
interface RoomSessions {
  sessions: SessionRow[];
  total: number;
}

export function RoomPage({ name }: { name: string }) {
  const { live } = useConsole();
  const rule = usePolled<RoomRule>(withQuery("/rules", { room: name }), 30_000);
  const sessions = usePolled<RoomSessions>(withQuery("/sessions", { room: name, limit: 20 }), 2000);
  const present = usePolled<Present>(`/rooms/${encodeURIComponent(name)}/members`, 3000);
  const [joined, setJoined] = useState(false);
  useEffect(() => {
    // Reloads the list, which now includes the console's own session.
    if (joined) sessions.reload();
  }, [joined]);
  // The name is invalid: such a room cannot exist.
  if (rule.error?.code === "invalid-room") {
    return (
      <>
        <div class="top">
          <Heading above={<a href={href(ROOMS)}>Rooms</a>}>
            <span class="name">{name}</span>
          </Heading>
        </div>
        <Failure error={rule.error} />
      </>
    );
  }
  const reserved = name.startsWith("thump:");
  return (
    <>
      <div class="top">
        <Heading above={<a href={href(ROOMS)}>Rooms</a>}>
          <span class="name">{name}</span>
        </Heading>
        <p class="soft" data-testid="room-sessions">
          {sessions.data ? sessionsText(sessions.data.total, joined) : " "}
        </p>
      </div>
      <Failure error={rule.error ?? sessions.error} />
      <div class="split">
        <div>
          <TailView thump={live.thump} room={name} onState={(state) => setJoined(state === "live")} />
          {!reserved && <PublishBox room={name} />}
        </div>
        <div>
          <Members sessions={sessions.data} present={present.data} room={name} />
          {rule.data && (
            <section class="panel" aria-labelledby="rule">
              <h2 id="rule">Rule</h2>
              <p class="soft">
                {rule.data.pattern === null ? "No pattern matches: default rule." : "Pattern "}
                {rule.data.pattern !== null && <code>{rule.data.pattern}</code>}
              </p>
              <RuleFacts rule={rule.data.rule} />
            </section>
          )}
        </div>
      </div>
    </>
  );
}

/** @param joined true if the console's own session is counted */
function sessionsText(total: number, joined: boolean): string {
  if (total === 0) return "no sessions";
  return plural(total, "session") + (joined ? ", including this console" : "");
}
