/** What stands in the headers pane, as text, with the header that the login box looks after. */

const NAME = 'Authorization';

function parse(text: string): Record<string, unknown> | null {
  if (!text.trim()) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/**
 * The pane's text with `token` as its Authorization header, or without one when `token` is null. Everything else
 * in the pane stays. What the person is in the middle of writing (no JSON object yet) is left as it is, and so is
 * an Authorization that they wrote themselves: only what `isOurs` recognises is replaced.
 */
export function withToken(text: string, token: string | null, isOurs: (value: string) => boolean): string {
  const headers = parse(text);
  if (!headers) return text;
  const present = headers[NAME];
  if (present !== undefined && !(typeof present === 'string' && isOurs(present))) return text;
  const wanted = token === null ? undefined : bearer(token);
  if (present === wanted) return text;
  const { [NAME]: _, ...others } = headers;
  const next = wanted === undefined ? others : { [NAME]: wanted, ...others };
  return Object.keys(next).length ? JSON.stringify(next, null, 2) : '';
}

export function bearer(token: string): string {
  return `Bearer ${token}`;
}
