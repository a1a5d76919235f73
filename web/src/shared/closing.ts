/** The closing of a websocket, as the browser or graphql-ws reports it. */
export interface Closing {
  code: number;
  reason: string;
}

export function isClosing(value: unknown): value is Closing {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'number';
}

/** Texts for codes that come without a reason of the server. Some of these codes come from the browser itself. */
const WORDS: Record<number, string> = {
  1000: 'Closed normally',
  1001: 'The server is going away',
  1005: 'Closed without a code',
  1006: 'The connection was lost',
  1011: 'The server failed',
  1012: 'The server is restarting',
  1013: 'The server asks to try again later',
};

/** Describes a closing in one short sentence: the server's reason if it sent one, and always the code. */
export function describeClosing({ code, reason }: Closing): string {
  return `${reason || WORDS[code] || 'Closed by the server'} (${code})`;
}
