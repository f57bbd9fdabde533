/** A proxy with an ssl port in the test's process, an origin behind it, and OpenSSL's own client in front of it. */
import type { Test } from 'tap'
import { GATE_MODULE, type HookGate } from './gate.js'
import { type NodeOrigin, nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'
import { type SClientOptions, sClient } from './s-client.js'

export const root = await makeAuthority({ name: 'Hook Root' })
export const own = await root.issue({ cn: 'proxy.example' })
const other = await root.issue({ cn: 'other.example' })

/** All tests of a process share it: none of them may stop it. */
export const origin: Omit<NodeOrigin, 'stop'> = await nodeOrigin({ isBackground: true })
export const REQUEST = `GET http://origin.example:${origin.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
/** What the origin answers. */
export const HELLO = `hello from origin.example:${origin.port}`

export interface SecureProxy {
  readonly proxy: ProxyHere
  readonly port: number
  /** One connection with one request. */
  client(options?: Omit<SClientOptions, 'port'>): ReturnType<typeof sClient>
}

/** The files that an ssl port needs. */
export const SECURE_FILES = {
  'own.pem': own.chainPem + own.keyPem,
  'other.pem': other.chainPem + other.keyPem,
  'root.pem': root.certPem,
  'ssl_multicert.config': 'ssl_cert_name=own.pem\nssl_cert_name=other.pem\n',
}

export async function secureProxy(
  t: Test,
  gates: readonly HookGate[],
  conf: ProxyConf = {},
): Promise<SecureProxy> {
  const proxy = await startProxyHere({
    // Its origin speaks no TLS: reading all roots of Node would take longer than the rest of a start.
    ca: root.certPem,
    hosts: ['origin.example'],
    modules: GATE_MODULE,
    plugins: gates.map(({ line }) => line),
    ...conf,
    files: { ...SECURE_FILES, ...conf.files },
    records: { 'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1', ...conf.records },
  })
  t.teardown(async () => {
    await proxy.stop()
    for (const gate of gates) gate.stop()
  })
  const { port } = proxy
  return {
    proxy,
    port,
    client: options => sClient({ port, servername: 'proxy.example', request: REQUEST, ...options }),
  }
}
