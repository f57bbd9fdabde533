import { type RawClient, rawClient, type TimedResponse } from './client.js'

/** A request in absolute form, as a client sends it to a proxy. */
export function requestText(url: string, fields: readonly string[] = []): string {
  return `GET ${url} HTTP/1.1\r\n${[`Host: ${new URL(url).host}`, ...fields].join('\r\n')}\r\n\r\n`
}

/** Sends one request in absolute form to a proxy, over a connection of its own. */
export async function get(
  port: number,
  url: string,
  fields: readonly string[] = ['Accept: text/plain'],
  ms?: number,
): Promise<TimedResponse> {
  const client = await rawClient(port)
  try {
    return await getOn(client, url, fields, ms)
  } finally {
    client.stop()
  }
}

/** The same over a connection that is there. */
export function getOn(
  client: RawClient,
  url: string,
  fields: readonly string[] = ['Accept: text/plain'],
  ms?: number,
): Promise<TimedResponse> {
  client.send(requestText(url, fields))
  return client.response('GET', ms)
}
