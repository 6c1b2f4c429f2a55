/** @jsxImportSource preact */
// The newest sessions in a room.
import type { SessionRow } from "../server-api.ts";
import { ago, count, plural } from "../format.ts";
import { useNow } from "../hooks.ts";
import { href, SESSIONS } from "../route.ts";
import { Empty } from "./ui.tsx";

/** The number of users and guests, from `GET /rooms/:room/members`. */
export interface Present {
  users: number;
  guests: number;
}

interface MembersProps {
  sessions: { sessions: SessionRow[]; total: number } | undefined;
  /** Undefined if the key may not see the members. */
  present: Present | undefined;
  room: string;
}

export function Members({ sessions: found, present, room }: MembersProps) {
  const now = useNow();
  const { sessions = [], total = 0 } = found ?? {};
  return (
    <section class="panel" aria-labelledby="members">
      <h2 id="members">
        Members{" "}
        {present && (
          <span class="soft plain">
            {plural(present.users, "user")}, {plural(present.guests, "guest")}
          </span>
        )}
      </h2>
      {found && total === 0 ? (
        <Empty>No sessions in this room.</Empty>
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
