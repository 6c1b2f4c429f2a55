/** @jsxImportSource preact */
// The sessions that are in a room, the newest of them.
import type { SessionRow } from "../api.ts";
import { ago, count } from "../format.ts";
import { useNow } from "../hooks.ts";
import { href, SESSIONS } from "../route.ts";
import { Empty } from "./ui.tsx";

interface MembersProps {
  who: { sessions: SessionRow[]; total: number } | undefined;
  room: string;
}

export function Members({ who, room }: MembersProps) {
  const now = useNow();
  const { sessions = [], total = 0 } = who ?? {};
  return (
    <section class="panel" aria-labelledby="members">
      <h2 id="members">Members</h2>
      {who && total === 0 ? (
        <Empty>Nobody is here.</Empty>
      ) : (
        <ul class="members" data-testid="members">
          {sessions.map(({ session, transport, user, address, since, lagging }) => (
            <li key={session}>
              <a href={href({ page: "session", id: session })}>
                <code>{user ?? session}</code>
              </a>
              <span class="cut">
                {transport}
                {address && `, ${address}`}
              </span>
              {lagging && <span class="badge busy">lagging</span>}
              <span class="time">{ago(since, now)}</span>
            </li>
          ))}
        </ul>
      )}
      {total > sessions.length && (
        <p>
          <a href={href({ ...SESSIONS, room })}>All {count(total)} sessions</a>
        </p>
      )}
    </section>
  );
}
