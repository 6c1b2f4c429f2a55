/** @jsxImportSource preact */
// The logo: a thumping rabbit.

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 64 64" aria-hidden="true">
      <g fill="currentColor">
        <ellipse cx="24" cy="17" rx="6" ry="15" transform="rotate(-9 24 17)" />
        <ellipse cx="40" cy="17" rx="6" ry="15" transform="rotate(9 40 17)" />
        <circle cx="32" cy="38" r="14" />
      </g>
      <path
        d="M10 48a22 11 0 0 0 44 0"
        fill="none"
        stroke="currentColor"
        stroke-width="4"
        stroke-linecap="round"
      />
    </svg>
  );
}
