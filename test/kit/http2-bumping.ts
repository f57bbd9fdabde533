/** Clients of HTTP/2 inside a bumped CONNECT, and an origin of HTTP/2. */
import type { Test } from 'tap'
import { type Bumping, startBumping } from './bumping.js'
import { testRoot } from './connecting.js'
import { Http2Client, tlsSocket, tunnelSocket } from './http2-client.js'
import { type Http2Answer, type Http2Origin, http2Origin as makeOrigin } from './http2-origin.js'

export const HOST = 'www.google.com'
export const OTHER = 'www.yahoo.com'
const HTTP2 = { 'proxy.config.http2.enabled': 1 } as const

export const start = (t: Test, more: Partial<Parameters<typeof startBumping>[1]> = {}): Promise<Bumping> =>
  startBumping(t, { hosts: [HOST, OTHER], ...more, records: { ...HTTP2, ...more.records } })

export const http2Origin = async (
  t: Test,
  names: readonly string[],
  answer?: Http2Answer,
): Promise<Http2Origin> => makeOrigin(end => t.teardown(end), names, await testRoot(), answer)

/** A client inside a CONNECT, and the protocol that it has negotiated. */
export async function inside(t: Test, { proxy, trusted }: Bumping, port: number, alpn?: readonly string[]) {
  const tunnel = await tunnelSocket(proxy.port, `${HOST}:${port}`)
  const socket = await tlsSocket(tunnel, { ca: trusted, servername: HOST, ...(alpn && { alpn }) })
  t.teardown(() => socket.destroy())
  return socket
}

export async function speaking(t: Test, stage: Bumping, port: number): Promise<Http2Client> {
  const socket = await inside(t, stage, port)
  t.equal(socket.alpnProtocol, 'h2')
  const client = new Http2Client(socket)
  t.teardown(client.stop)
  return client
}

export const at = (port: number, path: string, more: Record<string, string> = {}) => ({
  ':authority': `${HOST}:${port}`,
  ':path': path,
  ...more,
})
