/** @jsxImportSource preact */
// Pages shown instead of the console: the sign-in form, and a notice while the server is unreachable.
import { useEffect, useRef, useState } from "preact/hooks";
import { Mark } from "./parts/mark.tsx";

interface SignInProps {
  message: string | undefined;
  failed: boolean;
  onKey(key: string | undefined): void;
}

export function SignIn({ message, failed, onKey }: SignInProps) {
  const [key, setKey] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (key.trim() !== "") onKey(key.trim());
  };
  return (
    <main class="sign-in">
      <Mark />
      <h1>Thump console</h1>
      <form onSubmit={submit}>
        <label for="key">API key</label>
        <input
          id="key"
          ref={input}
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="thump_…"
          value={key}
          aria-invalid={failed}
          aria-describedby={message ? "message" : "hint"}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
        />
        <button class="main" type="submit">
          Sign in
        </button>
      </form>
      {message ? (
        <>
          <p id="message" class="wrong" role="alert">
            {message}
          </p>
          <button type="button" onClick={() => onKey(undefined)}>
            Try without a key
          </button>
        </>
      ) : (
        <p id="hint" class="soft">
          A key that may inspect, list and join rooms. It is stored in this tab until you close it.{" "}
          <code>thump key</code> creates a key.
        </p>
      )}
    </main>
  );
}

export function Unreachable() {
  return (
    <main class="sign-in">
      <Mark />
      <h1>Thump console</h1>
      <p role="status">
        <span class="dot busy" aria-hidden="true" /> The server does not respond. Retrying…
      </p>
    </main>
  );
}
