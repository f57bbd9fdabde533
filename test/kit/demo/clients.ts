import { rawClient } from '../client.js'
import { curl } from '../curl.js'
import type { DemoOrigin } from './origins.js'
import type { Story } from './story.js'

/** A client that has connected, and sends its request when told. */
export interface DemoClient {
  readonly request: string
  /** Sends; the answer, or the connection's end without one. Times are `performance.now()`. */
  send(): Promise<Story['client']>
  stop(): void
}

/** The request of the proof of concept: absolute form, on a plain port, as one would type it into telnet. */
export async function demoClient(proxyPort: number, { host, port }: DemoOrigin): Promise<DemoClient> {
  const client = await rawClient(proxyPort)
  const request = `GET https://${host}:${port}/ HTTP/1.1`
  return {
    request,
    send: async () => {
      client.send(`${request}\r\nHost: ${host}:${port}\r\n\r\n`)
      const { status } = await client.response('GET', 20_000)
      return { status, answeredAt: performance.now() }
    },
    stop: client.stop,
  }
}

/** What curl made of a URL by way of CONNECT. */
export interface CurlRun {
  readonly command: string
  /** What it said: the body, or its complaint. */
  readonly said: string
  /** The proxy's answer to CONNECT. */
  readonly connectStatus: number
}

/** Undefined when there is no curl on this machine. */
export async function runCurl(
  proxyPort: number,
  { host, port }: DemoOrigin,
  caFile: string,
): Promise<CurlRun | undefined> {
  const url = `https://${host}:${port}/`
  const proxy = `http://127.0.0.1:${proxyPort}`
  const format = '\\n%{http_connect}'
  const args = ['-sS', '--cacert', caFile, '-x', proxy, '-w', format, url]
  const result = await curl(args).catch(() => undefined)
  if (result === undefined) return undefined
  const lines = result.stdout.trim().split('\n')
  const connectStatus = Number(lines.pop())
  const said = [...lines, result.stderr.trim()].filter(line => line !== '').join(' ')
  return { command: `curl -x ${proxy} --cacert ca.pem ${url}`, said, connectStatus }
}
