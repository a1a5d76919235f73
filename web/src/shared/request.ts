import { GRAPHQL_PATH } from './address';

export interface GraphQLErrorShape {
  message: string;
  path?: readonly (string | number)[];
  extensions?: Record<string, unknown>;
}

export interface GraphQLResponse<Data = unknown> {
  data?: Data | null;
  errors?: readonly GraphQLErrorShape[];
}

export interface GraphQLRequest {
  query: string;
  operationName?: string | null | undefined;
  variables?: unknown;
}

/** The server responded with an error; `code` is the API's ErrorCode, if there is one. */
export class RequestRefused extends Error {
  readonly code: string | undefined;

  constructor(errors: readonly GraphQLErrorShape[]) {
    super(errors.map((error) => error.message).join('\n'));
    this.name = 'RequestRefused';
    const code = errors[0]?.extensions?.code;
    this.code = typeof code === 'string' ? code : undefined;
  }
}

/** Sends one GraphQL request over HTTP. Throws TypeError if the network fails, Error if the response is not JSON. */
export async function post<Data>(
  request: GraphQLRequest,
  headers: Record<string, string> = {},
): Promise<GraphQLResponse<Data>> {
  const response = await fetch(GRAPHQL_PATH, {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json, application/json',
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(request),
  });
  const text = await response.text();
  try {
    return JSON.parse(text) as GraphQLResponse<Data>;
  } catch {
    throw new Error(`The server answered HTTP ${response.status} without JSON: ${text.slice(0, 200)}`);
  }
}

/** Like `post`, but returns only the data; throws RequestRefused if there are errors. */
export async function ask<Data>(request: GraphQLRequest, headers?: Record<string, string>): Promise<Data> {
  const { data, errors } = await post<Data>(request, headers);
  if (errors?.length || !data) {
    throw new RequestRefused(errors ?? [{ message: 'The server sent neither data nor errors.' }]);
  }
  return data;
}
