/** @jsxImportSource preact */
// A room: what is said there as it happens, who is there, its rule, and a way to speak.
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
interface Who {
  sessions: SessionRow[];
  total: number;
}

export function RoomPage({ name }: { name: string }) {
  const { live } = useConsole();
  const rule = usePolled<RoomRule>(withQuery("/rules", { room: name }), 30_000);
  const who = usePolled<Who>(withQuery("/sessions", { room: name, limit: 20 }), 2000);
  const present = usePolled<Present>(`/rooms/${encodeURIComponent(name)}/members`, 3000);
  const [inside, setInside] = useState(false);
  useEffect(() => {
    // From now on it is counted with the others.
    if (inside) who.reload();
  }, [inside]);
  // No room can have such a name: there is nothing to show.
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
          {who.data ? sessionsText(who.data.total, inside) : " "}
        </p>
      </div>
      <Failure error={rule.error ?? who.error} />
      <div class="split">
        <div>
          <TailView thump={live.thump} room={name} onState={(state) => setInside(state === "live")} />
          {!reserved && <PublishBox room={name} />}
        </div>
        <div>
          <Members who={who.data} present={present.data} room={name} />
          {rule.data && (
            <section class="panel" aria-labelledby="rule">
              <h2 id="rule">Rule</h2>
              <p class="soft">
                {rule.data.pattern === null ? "No pattern matches: the defaults." : "Of the pattern "}
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

/** @param inside this console is one of them */
function sessionsText(total: number, inside: boolean): string {
  if (total === 0) return "no sessions";
  return plural(total, "session") + (inside ? ", with this console's" : "");
}
