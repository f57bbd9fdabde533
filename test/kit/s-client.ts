import { type Child, startChild } from './child.js'

export interface SClientOptions {
  readonly port: number
  readonly tls?: '1.2' | '1.3'
  readonly servername?: string
  /** What is sent when the handshake is done. */
  readonly request?: string
  /** More arguments of `openssl s_client`. */
  readonly args?: readonly string[]
}

/** `openssl s_client`: a TLS client that is not ours and not Node's. */
export interface SClient {
  readonly child: Child
  /** All it has printed. */
  output(): string
  /** Until it has ended. */
  result(): Promise<SClientResult>
}

export interface SClientResult {
  readonly output: string
  /** Whether the session was resumed; undefined when no handshake was finished. */
  readonly isResumed: boolean | undefined
  /** The common name of the certificate that it was shown. */
  readonly shown: string | undefined
  /** The alert that it was sent. */
  readonly alert: number | undefined
  /** The body of the response. */
  readonly body: string | undefined
}

export async function startSClient(options: SClientOptions): Promise<SClient> {
  const { port, tls, servername, request, args = [] } = options
  const child = await startChild('openssl', [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-ign_eof'],
    ...(servername === undefined ? ['-noservername'] : ['-servername', servername]),
    ...(tls === undefined ? [] : [tls === '1.2' ? '-tls1_2' : '-tls1_3']),
    ...args,
  ])
  const output = (): string => child.stdout() + child.stderr()
  child.write(request ?? '')
  return {
    child,
    output,
    result: async () => {
      await child.exited()
      return readOutput(output())
    },
  }
}

/** A client behind a CONNECT, with one request for the origin there. */
export function throughProxy(
  port: number,
  host: string,
  originPort: number,
): SClientOptions & { args: string[] } {
  const target = `${host}:${originPort}`
  return {
    port,
    servername: host,
    request: `GET / HTTP/1.1\r\nHost: ${target}\r\nConnection: close\r\n\r\n`,
    args: ['-proxy', `127.0.0.1:${port}`, '-connect', target],
  }
}

/** Runs it to its end. */
export async function sClient(options: SClientOptions): Promise<SClientResult> {
  const client = await startSClient(options)
  try {
    return await client.result()
  } finally {
    await client.child.stop()
  }
}

function readOutput(output: string): SClientResult {
  const handshake = /^(New|Reused), TLSv/m.exec(output)?.[1]
  const alert = /SSL alert number (\d+)/.exec(output)?.[1]
  return {
    output,
    isResumed: handshake === undefined ? undefined : handshake === 'Reused',
    shown: /^subject=.*CN = (.*)$/m.exec(output)?.[1],
    alert: alert === undefined ? undefined : Number(alert),
    body: /HTTP\/1\.1 200[\s\S]*?\r\n\r\n(.*)/.exec(output)?.[1],
  }
}
