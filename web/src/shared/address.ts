/** The path of the API, for HTTP and for the websocket, on the host that served this page. */
export const GRAPHQL_PATH = '/graphql/';

export function socketAddress(location: Location = window.location): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}${GRAPHQL_PATH}`;
}
