/** Reads and writes the Authorization header in the text of the headers pane. */

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
 * Returns the pane's text with `token` as its Authorization header, or without the header if `token` is null. All
 * other headers stay. Unfinished text (not yet a JSON object) stays as it is, and so does an Authorization header that
 * the user wrote: only a header that `isOurs` recognises is replaced.
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
