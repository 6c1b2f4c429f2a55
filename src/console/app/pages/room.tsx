/** @jsxImportSource preact */
// A room: what is said there as it happens, who is there, its rule, and a way to speak.
import { useConsole, usePolled } from "../hooks.ts";
import type { PatternRule, SessionRow } from "../api.ts";
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
  const reserved = name.startsWith("thump:");
  return (
    <>
      <div class="top">
        <Heading above={<a href={href(ROOMS)}>Rooms</a>}>
          <span class="name">{name}</span>
        </Heading>
        <p class="soft" data-testid="room-sessions">
          {who.data ? inside(who.data.total) : " "}
        </p>
      </div>
      <Failure error={rule.error ?? who.error} />
      <div class="split">
        <div>
          <TailView thump={live.thump} room={name} />
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

function inside(total: number): string {
  return total === 0 ? "no sessions" : `${plural(total, "session")}, with this console's`;
}
