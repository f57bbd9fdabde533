/** A client that asks through the proxy in every way, over connections that last for a few requests. */
import { type RawClient, rawClient, requestText } from '../kit/client.js'

export interface SoakTarget {
  readonly proxyPort: number
  readonly host: string
  /** Of the origin. */
  readonly port: number
  /** PEM. */
  readonly trust: string
}

export interface Failure {
  /** The client's end of the connection with the proxy. */
  readonly port: number
  /** When the connection was made; milliseconds, as of `performance.now()`. */
  readonly began: number
  readonly what: string
}

/** Requests of one connection, one after another. */
export interface Visit {
  readonly answered: number
  readonly failure: Failure | undefined
}

const MAX_REQUESTS = 5

/** Makes one connection, in one of the ways at random. */
export async function visit(target: SoakTarget): Promise<Visit> {
  const began = performance.now()
  let port = 0
  let answered = 0
  try {
    const isTunnel = Math.random() < 0.5
    const client = await rawClient(target.proxyPort)
    try {
      port = client.localPort
      const inner = isTunnel ? await tunnel(client, target) : client
      for (let left = 1 + Math.floor(Math.random() * MAX_REQUESTS); left > 0; left -= 1) {
        await askOne(inner, isTunnel, target)
        answered += 1
      }
      inner.stop()
    } finally {
      client.stop()
    }
    return { answered, failure: undefined }
  } catch (cause) {
    return { answered, failure: { port, began, what: String(cause) } }
  }
}

async function tunnel(client: RawClient, { host, port, trust }: SoakTarget): Promise<RawClient> {
  client.send(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`)
  const { status } = await client.response('CONNECT')
  if (status !== 200) throw new Error(`CONNECT: ${status}`)
  return client.secure({ servername: host, ca: trust })
}

async function askOne(client: RawClient, isTunnel: boolean, { host, port }: SoakTarget): Promise<void> {
  const path = `/${Math.random().toString(36).slice(2)}`
  const text = isTunnel
    ? `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`
    : requestText(`https://${host}:${port}${path}`)
  client.send(text)
  const { status, body } = await client.response('GET')
  if (status !== 200 || body.toString() !== `${path}\n`)
    throw new Error(`${status} ${body.toString().slice(0, 200)}`)
}
