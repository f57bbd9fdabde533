/** A proxy before an origin that authenticates connections, and clients that log in. */
import type { Test } from 'tap'
import { type RawClient, rawClient } from './client.js'
import { LoginClient, type LoginOriginOptions, loginOrigin } from './login-origin.js'
import type { NodeOrigin } from './node-origin.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

export const HOST = 'intranet.test'

export interface Stage {
  readonly proxy: ProxyHere
  readonly origin: NodeOrigin
  readonly authority: string
  readonly url: string
  /** A client of its own. */
  client(path?: string): Promise<LoginClient & { readonly raw: RawClient }>
}

export async function setUp(t: Test, options: LoginOriginOptions = {}, conf: ProxyConf = {}): Promise<Stage> {
  const origin = await loginOrigin(options)
  t.teardown(origin.stop)
  const proxy = await startProxyHere({ hosts: [HOST], ...conf })
  t.teardown(proxy.stop)
  const authority = `${HOST}:${origin.port}`
  const url = `http://${authority}`
  const client = async (path = '/') => {
    const raw = await rawClient(proxy.port)
    t.teardown(raw.stop)
    return Object.assign(new LoginClient(raw, url + path, authority), { raw })
  }
  return { proxy, origin, authority, url, client }
}

/** Which connections of the origin the requests came on. */
export const connectionsOf = (origin: NodeOrigin): number[] =>
  origin.requests.map(({ connection }) => connection)

export const open = (origin: NodeOrigin, count: number): Promise<true> =>
  origin.until(() => (origin.openConnections === count ? true : undefined), `${count} open connections`)
