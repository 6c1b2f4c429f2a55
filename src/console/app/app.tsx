/** @jsxImportSource preact */
// The console: signs in if necessary, then shows the view of the current URL.
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { ApiError } from "./server-api.ts";
import { ServerApi } from "./server-api.ts";
import { ConsoleContext } from "./hooks.ts";
import { loadKey, saveKey } from "./stored-key.ts";
import { LiveData } from "./live-data.ts";
import { Unreachable, SignIn } from "./sign-in.tsx";
import { Shell } from "./shell.tsx";

/** The page is at `<prefix>/console`. */
const BASE = location.origin + location.pathname.replace(/\/console\/?$/, "");
/** Interval between attempts to reach the server. */
const RETRY_MS = 2000;

type Phase =
  | { name: "checking" | "signed-in"; key: string | undefined }
  | { name: "signed-out"; message: string | undefined; failed: boolean }
  | { name: "unreachable"; key: string | undefined };

export function App() {
  const [phase, setPhase] = useState<Phase>(firstPhase);
  const signIn = (key: string | undefined) => setPhase({ name: "checking", key });
  const signOut = useCallback((message?: string) => {
    saveKey(undefined);
    setPhase({ name: "signed-out", message, failed: message !== undefined });
  }, []);
  useEffect(() => {
    if (phase.name === "checking") void checkKey(phase.key).then(setPhase);
    if (phase.name !== "unreachable") return;
    const timer = setTimeout(() => void checkKey(phase.key).then(setPhase), RETRY_MS);
    return () => clearTimeout(timer);
  }, [phase]);
  if (phase.name === "signed-in") return <SignedIn key={phase.key} apiKey={phase.key} signOut={signOut} />;
  if (phase.name === "signed-out")
    return <SignIn message={phase.message} failed={phase.failed} onKey={signIn} />;
  return phase.name === "unreachable" ? <Unreachable /> : <p class="checking" role="status" />;
}

/** The phase at page load. If the server requires a key, the sign-in form appears without a request. */
function firstPhase(): Phase {
  const key = loadKey();
  return key === undefined && "takesKey" in document.documentElement.dataset
    ? { name: "signed-out", message: undefined, failed: false }
    : { name: "checking", key };
}

/** Checks that the server accepts the key. */
async function checkKey(key: string | undefined): Promise<Phase> {
  try {
    await new ServerApi(BASE, key).get("/rules");
    saveKey(key);
    return { name: "signed-in", key };
  } catch (error) {
    const { code, message, status } = error as ApiError;
    if (code === "gone" && status === 0) return { name: "unreachable", key };
    // Without a key, a 401 is not an error yet: the sign-in form appears without a message.
    const failed = key !== undefined || status !== 401;
    return { name: "signed-out", message: failed ? message : undefined, failed };
  }
}

function SignedIn({ apiKey, signOut }: { apiKey: string | undefined; signOut(message?: string): void }) {
  const [announcement, announce] = useState("");
  const live = useMemo(() => new LiveData(BASE, apiKey, signOut), [apiKey]);
  useEffect(() => () => live.close(), [live]);
  const value = useMemo(
    () => ({ api: new ServerApi(BASE, apiKey), live, announce, signOut }),
    [apiKey, live],
  );
  return (
    <ConsoleContext.Provider value={value}>
      <Shell hasKey={apiKey !== undefined} />
      <p class="unseen" role="status" aria-live="polite">
        {announcement}
      </p>
    </ConsoleContext.Provider>
  );
}
