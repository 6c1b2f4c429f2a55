/** @jsxImportSource preact */
// Speaks in a room, in the name of whoever signed in.
import { useState } from "preact/hooks";
import { useConsole } from "../hooks.ts";

/** What is typed is JSON if it can be, else text: as the server reads a body. */
function readData(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // It is what it is: text.
    return text;
  }
}

export function PublishBox({ room }: { room: string }) {
  const { live, say } = useConsole();
  const [text, setText] = useState("");
  const [event, setEvent] = useState("");
  const [told, setTold] = useState<{ words: string; wrong: boolean }>();
  const [busy, setBusy] = useState(false);
  const publish = async (): Promise<void> => {
    if (text === "" || busy) return;
    setBusy(true);
    try {
      const at = await live.thump.publish(room, readData(text), event === "" ? {} : { event });
      setText("");
      setTold({ words: `kept at ${at}`, wrong: false });
      say("Published.");
    } catch (error) {
      setTold({ words: (error as Error).message, wrong: true });
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
          class={`told ${told?.wrong ? "wrong" : "soft"}`}
          role={told?.wrong ? "alert" : undefined}
          data-testid="told"
        >
          {told?.words ?? "Ctrl and Enter publishes"}
        </p>
      </div>
    </form>
  );
}
