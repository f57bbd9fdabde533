/** A proxy that coalesces, and origins for two names. */
import type { Test } from 'tap'
import { get } from './client.js'
import { type NginxOriginOptions, nginxOrigin } from './nginx-origin.js'
import { makeAuthority } from './pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

export const A = 'a.example'
export const B = 'b.example'
export const RECORD = 'proxy.config.http2.connection_coalescing_out'
export const root = await makeAuthority({ name: 'Root' })
const both = await root.issue({ cn: A, sans: [A, B] })

const ON = {
  [RECORD]: 1,
  'proxy.config.ssl.client.alpn_protocols': 'h2,http/1.1',
  'proxy.config.http.connect_ports': '*',
} as const satisfies ProxyConf['records']

/** Says on which connection a request came, and what that had announced. */
const TELLS = 'location / { return 200 "$connection $server_protocol for $host by $ssl_server_name"; }'

export async function nginx(t: Test, more: Partial<NginxOriginOptions> = {}): Promise<number> {
  const { chainPem, keyPem } = both
  const origin = await nginxOrigin({ chainPem, keyPem, http2: true, server: TELLS, ...more })
  t.teardown(origin.stop)
  return origin.httpsPort
}

export const confWith = ({ records, ...more }: ProxyConf = {}): ProxyConf => ({
  hosts: [A, B],
  ca: root.certPem,
  ...more,
  records: { ...ON, ...records },
})

export async function start(t: Test, more: ProxyConf = {}): Promise<ProxyHere> {
  const proxy = await startProxyHere(confWith(more))
  t.teardown(proxy.stop)
  return proxy
}

/** What the origin tells. */
export async function ask(proxy: ProxyHere, host: string, port: number, fields: readonly string[] = []) {
  const { status, body } = await get(proxy.port, `https://${host}:${port}/`, fields)
  const [, connection, protocol, by] = /^(\d+) (\S+) for \S+ by (\S*)$/.exec(body.toString()) ?? []
  return { status, connection, protocol, by }
}

/** Whether a request for B goes out on the connection of a request for A. */
export async function isShared(t: Test, proxy: ProxyHere, port: number): Promise<boolean> {
  const first = await ask(proxy, A, port)
  t.strictSame([first.status, first.protocol], [200, 'HTTP/2.0'])
  const second = await ask(proxy, B, port)
  t.equal(second.status, 200, proxy.output())
  return first.connection === second.connection
}

/** A plugin on one hook. */
export const HOOKED = (hook: string, work: string): NonNullable<ProxyConf['modules']> => ({
  'hooked.mjs': `export default ({ hookAdd, reject }) => hookAdd('${hook}', event => { ${work} })`,
})
