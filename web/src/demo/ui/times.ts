/** Formats times for a chat: the time of day for today, the date for older messages. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

export function clock(iso: string): string {
  return CLOCK.format(new Date(iso));
}

export function clockOrDay(iso: string): string {
  return isSameDay(iso, new Date().toISOString()) ? clock(iso) : SHORT_DAY.format(new Date(iso));
}

export function day(iso: string): string {
  return isSameDay(iso, new Date().toISOString()) ? 'Today' : DAY.format(new Date(iso));
}

export function isSameDay(a: string, b: string): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}
