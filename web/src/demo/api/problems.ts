import { CombinedGraphQLErrors } from '@apollo/client/errors';

/** The API's ErrorCode of a failure; null if the failure is not a response of the API (the network failed, say). */
export function errorCode(error: unknown): string | null {
  if (!CombinedGraphQLErrors.is(error)) return null;
  const code = error.errors[0]?.extensions?.code;
  return typeof code === 'string' ? code : 'INTERNAL';
}

/** How long the API asks the client to wait, in milliseconds; null if it does not say. */
export function retryAfterMs(error: unknown): number | null {
  if (!CombinedGraphQLErrors.is(error)) return null;
  const wait = error.errors[0]?.extensions?.retryAfterMs;
  return typeof wait === 'number' ? wait : null;
}

/** Describes a failure for the user. */
export function inWords(error: unknown): string {
  if (CombinedGraphQLErrors.is(error)) return error.errors.map((one) => one.message).join(' ');
  return error instanceof TypeError
    ? 'The server cannot be reached.'
    : String((error as Error).message ?? error);
}
