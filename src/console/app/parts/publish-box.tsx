/** @jsxImportSource preact */
// A form that publishes to a room with the user's key.
import { useState } from "preact/hooks";
import { useConsole } from "../hooks.ts";

/** Parses valid JSON, and treats everything else as text, as the server does with a request body. */
function readData(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON: text.
    return text;
  }
}

export function PublishBox({ room }: { room: string }) {
  const { live, announce } = useConsole();
  const [text, setText] = useState("");
  const [event, setEvent] = useState("");
  const [result, setResult] = useState<{ text: string; failed: boolean }>();
  const [busy, setBusy] = useState(false);
  const publish = async (): Promise<void> => {
    if (text === "" || busy) return;
    setBusy(true);
    try {
      const at = await live.thump.publish(room, readData(text), event === "" ? {} : { event });
      setText("");
      setResult({ text: `stored at ${at}`, failed: false });
      announce("Published.");
    } catch (error) {
      setResult({ text: (error as Error).message, failed: true });
    }
    setBusy(false);
  };
  return (
    <form
      class="panel publish"
      aria-labelledby="publish"
      onSubmit={(submitted) => {
        submitted.preventDefault();
        void publish();
      }}
    >
      <h2 id="publish">Publish</h2>
      <label for="data" class="unseen">
        Data: JSON or text
      </label>
      <textarea
        id="data"
        rows={2}
        spellcheck={false}
        placeholder="JSON or text"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(key) => {
          if (key.key !== "Enter" || !(key.ctrlKey || key.metaKey)) return;
          key.preventDefault();
          void publish();
        }}
      />
      <div class="row">
        <label for="event" class="unseen">
          Event
        </label>
        <input
          id="event"
          autocomplete="off"
          spellcheck={false}
          placeholder="event: message"
          value={event}
          onInput={({ currentTarget }) => setEvent(currentTarget.value)}
        />
        <button class="main" type="submit" aria-disabled={text === "" || busy}>
          Publish
        </button>
        <p
          class={`result ${result?.failed ? "wrong" : "soft"}`}
          role={result?.failed ? "alert" : undefined}
          data-testid="publish-result"
        >
          {result?.text ?? "Ctrl+Enter to publish"}
        </p>
      </div>
    </form>
  );
}
