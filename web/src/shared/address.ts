/** Where the API is: the same host that served this page, one path for HTTP and for the websocket. */
export const GRAPHQL_PATH = '/graphql/';

export function socketAddress(location: Location = window.location): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}${GRAPHQL_PATH}`;
}
