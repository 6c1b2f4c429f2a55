/** @jsxImportSource preact */
// A session: its identity, its position in each room, its lag, and a button to disconnect it.
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
          This session has ended
          {data ? ". Its last state is shown below." : ", or belongs to a different node."}
        </p>
      ) : (
        <Failure error={error} />
      )}
      {data && <Detail session={data} fresh={!error} />}
    </>
  );
}

function Disconnect({ id, onDone }: { id: string; onDone(): void }) {
  const { api, announce } = useConsole();
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<ApiError>();
  const disconnect = async (): Promise<void> => {
    setAsking(false);
    try {
      await api.delete(`/sessions/${encodeURIComponent(id)}`);
      announce("The session was disconnected.");
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
        The connection is closed with code 4403. The token stays valid, so the client may reconnect; to
        prevent this, revoke the token.
      </Confirm>
    </div>
  );
}

/** @param fresh true while the data is current; if false, relative times stop */
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
    ["waiting", waiting === undefined ? "unknown for streams" : bytes(waiting)],
    ["token expires", deadline === undefined ? "–" : `in ${duration((deadline - now) / 1000)}`],
  ];
  if (info !== undefined) facts.push(["info", JSON.stringify(info)]);
  return (
    <div class="split">
      <div>
        <Memberships session={session} />
      </div>
      <div>
        <section class="panel" aria-labelledby="lag">
          <h2 id="lag">
            Lag{" "}
            {lagging ? <span class="badge busy">lagging</span> : <span class="badge good">caught up</span>}
          </h2>
          <p data-testid="lag">{lagText(session, now)}</p>
        </section>
        <section class="panel" aria-labelledby="about">
          <h2 id="about">Connection</h2>
          <Facts facts={facts} />
        </section>
      </div>
    </div>
  );
}

/** A session's lag in words. */
function lagText({ lags, lagging, waiting, allowed, full }: SessionDetail, now: number): string {
  if (lags.times === 0) return "This session has never lagged.";
  const often = lags.times === 1 ? "once" : lags.times === 2 ? "twice" : `${count(lags.times)} times`;
  const last = lags.at === undefined ? "" : `, last ${ago(lags.at, now)}`;
  const why =
    lags.waiting === undefined
      ? "the connection accepted no more data"
      : `${bytes(lags.waiting)} were waiting to be read, above the limit of ${bytes(allowed)}`;
  const since = lagging
    ? full
      ? ` The client is not reading yet${waiting === undefined ? "" : `: ${bytes(waiting)} are waiting`}.`
      : " The client is reading again and catching up."
    : " The session has caught up since.";
  return `Lagged ${often}${last}: ${why}. The server detached it from live delivery and kept its position.${since}`;
}

function Memberships({ session: { memberships, rooms } }: { session: SessionDetail }) {
  return (
    <section class="panel" aria-labelledby="memberships">
      <h2 id="memberships">Rooms</h2>
      {rooms === 0 ? (
        <Empty>This session is in no room.</Empty>
      ) : (
        <Table
          caption="Position in each room"
          look="fixed memberships"
          testId="memberships"
          columns={[
            ["Room", "wide"],
            ["Behind", "number"],
            ["Position", "cursor"],
            ["Lag", "lag"],
          ]}
        >
          {memberships.map((membership) => (
            <MembershipRow key={membership.room} membership={membership} />
          ))}
        </Table>
      )}
      {rooms > memberships.length && (
        <p class="soft">
          Only the first {count(memberships.length)} of {count(rooms)} rooms are listed.
        </p>
      )}
    </section>
  );
}

function MembershipRow({
  membership: { room, live, behind, more, max, at, lag },
}: {
  membership: MembershipDetail;
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
