/** @jsxImportSource preact */
// A search field that reports its text after a pause in typing.
import { useEffect, useState } from "preact/hooks";
import { useSettled } from "../hooks.ts";

interface SearchFieldProps {
  id: string;
  label: string;
  placeholder?: string;
  value: string;
  onSettled(text: string): void;
}

const SETTLED_MS = 200;

export function SearchField({ id, label, placeholder = label, value, onSettled }: SearchFieldProps) {
  const [text, setText] = useState(value);
  const settled = useSettled(text, SETTLED_MS);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (settled !== value) onSettled(settled);
  }, [settled]);
  return (
    <>
      <label class="unseen" for={id}>
        {label}
      </label>
      <input
        id={id}
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        maxLength={255}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
    </>
  );
}
