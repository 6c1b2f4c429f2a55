/** @jsxImportSource preact */
// A session: who it is, where it is in each of its rooms, why it was slow, and a way to end it.
import { useRef, useState } from "preact/hooks";
import { ApiError, type SessionDetail, type MembershipDetail } from "../server-api.ts";
import { ago, bytes, clock, count, duration, plural } from "../format.ts";
import { useConsole, useNow, usePolled } from "../hooks.ts";
import { Confirm, Empty, Facts, Failure, Heading, Table } from "../parts/ui.tsx";
import { href, SESSIONS } from "../route.ts";

export function SessionPage({ id }: { id: string }) {
  const { data, error, reload } = usePolled<SessionDetail>(`/sessions/${encodeURIComponent(id)}`, 1000);
  const ended = error?.code === "not-found";
  return (
    <>
      <div class="top">
        <Heading above={<a href={href(SESSIONS)}>Sessions</a>}>
          <code class="name">{id}</code>
        </Heading>
        {data && !ended && <Disconnect id={id} onDone={reload} />}
      </div>
      {ended ? (
        <p class="notice" role="status" data-testid="ended">
          This session has ended{data ? ". What it was last is below." : ", or is none of this node's."}
        </p>
      ) : (
        <Failure error={error} />
      )}
      {data && <Detail session={data} fresh={!error} />}
    </>
  );
}

function Disconnect({ id, onDone }: { id: string; onDone(): void }) {
  const { api, say } = useConsole();
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<ApiError>();
  const disconnect = async (): Promise<void> => {
    setAsking(false);
    try {
      await api.delete(`/sessions/${encodeURIComponent(id)}`);
      say("The session was disconnected.");
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.code !== "not-found") setError(thrown);
    }
    onDone();
  };
  return (
    <div class="action">
      <button type="button" class="danger" onClick={() => setAsking(true)} data-testid="disconnect">
        Disconnect…
      </button>
      <Failure error={error} />
      <Confirm
        open={asking}
        question="Disconnect this session?"
        yes="Disconnect"
        onYes={() => void disconnect()}
        onClose={() => setAsking(false)}
      >
        Its connection is closed with code 4403. Its token stays good, so it may come back; to keep it out,
        revoke the token.
      </Confirm>
    </div>
  );
}

/** @param fresh it is as it was told a moment ago; else its time stands still */
function Detail({ session, fresh }: { session: SessionDetail; fresh: boolean }) {
  const current = useNow();
  const last = useRef(current);
  if (fresh) last.current = current;
  const now = last.current;
  const { transport, user, info, address, since, deadline, sent, received, waiting, lagging } = session;
  const facts: [name: string, value: string][] = [
    ["transport", transport],
    ["user", user ?? "–"],
    ["address", address ?? "–"],
    ["connected", `${duration((now - since) / 1000)}, since ${clock(since)}`],
    ["sent", plural(sent, "publication")],
    ["received", plural(received, "frame")],
    ["waiting", waiting === undefined ? "not known of a stream" : bytes(waiting)],
    ["token ends", deadline === undefined ? "–" : `in ${duration((deadline - now) / 1000)}`],
  ];
  if (info !== undefined) facts.push(["info", JSON.stringify(info)]);
  return (
    <div class="split">
      <div>
        <Standings session={session} />
      </div>
      <div>
        <section class="panel" aria-labelledby="speed">
          <h2 id="speed">
            Speed {lagging ? <span class="badge busy">lagging</span> : <span class="badge good">level</span>}
          </h2>
          <p data-testid="speed">{speed(session, now)}</p>
        </section>
        <section class="panel" aria-labelledby="about">
          <h2 id="about">Connection</h2>
          <Facts facts={facts} />
        </section>
      </div>
    </div>
  );
}

/** Why it was slow, in words. */
function speed({ lags, lagging, waiting, allowed, full }: SessionDetail, now: number): string {
  if (lags.times === 0) return "It never fell behind: it reads as fast as it is written to.";
  const often = lags.times === 1 ? "once" : lags.times === 2 ? "twice" : `${count(lags.times)} times`;
  const last = lags.at === undefined ? "" : `, last ${ago(lags.at, now)}`;
  const why =
    lags.waiting === undefined
      ? "its connection took no more"
      : `it had not read ${bytes(lags.waiting)} (more than ${bytes(allowed)} may not wait)`;
  const since = lagging
    ? full
      ? ` It has not read on yet${waiting === undefined ? "" : `: ${bytes(waiting)} still wait`}.`
      : " It reads again and is being caught up."
    : " It has been caught up since.";
  return `It fell behind ${often}${last}: ${why}, so it was taken out of the live fan-out and remembered by its position.${since}`;
}

function Standings({ session: { memberships, rooms } }: { session: SessionDetail }) {
  return (
    <section class="panel" aria-labelledby="standings">
      <h2 id="standings">Rooms</h2>
      {rooms === 0 ? (
        <Empty>It is in no room.</Empty>
      ) : (
        <Table
          caption="Where it is in each of its rooms"
          look="fixed standings"
          testId="standings"
          columns={[
            ["Room", "wide"],
            ["Behind", "number"],
            ["Has all up to", "cursor"],
            ["If slow", "lag"],
          ]}
        >
          {memberships.map((standing) => (
            <StandingRow key={standing.room} standing={standing} />
          ))}
        </Table>
      )}
      {rooms > memberships.length && (
        <p class="soft">
          The first {count(memberships.length)} of {count(rooms)}.
        </p>
      )}
    </section>
  );
}

function StandingRow({
  standing: { room, live, behind, more, max, at, lag },
}: {
  standing: MembershipDetail;
}) {
  return (
    <tr>
      <td class="wide cut">
        <a href={href({ page: "room", name: room })} title={room}>
          {room}
        </a>
      </td>
      <td class="number">
        {live ? (
          <span class="badge good">live</span>
        ) : max === undefined ? (
          `${count(behind)}${more ? "+" : ""}`
        ) : (
          `≤ ${max}/s`
        )}
      </td>
      <td class="cursor cut">
        <code>{at}</code>
      </td>
      <td class="lag">{lag}</td>
    </tr>
  );
}
