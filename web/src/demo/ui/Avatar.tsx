const HUES = [225, 160, 335, 25, 265, 195, 95, 0];

/** Shows initials on a colour that depends on the seed. Decoration only: the name is always shown next to it. */
export function Avatar({ name, seed }: { name: string; seed: string }) {
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word.charAt(0).toUpperCase())
    .join('');
  const sum = [...seed].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) % 9973, 7);
  return (
    <span
      className="avatar"
      aria-hidden="true"
      style={{ '--hue': HUES[sum % HUES.length] } as React.CSSProperties}
    >
      {initials}
    </span>
  );
}
