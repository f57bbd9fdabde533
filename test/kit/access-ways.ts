/** A proxy that clients reach in every way there is, before origins that answer 200. */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { bumpFiles } from './bumping.js'
import { curl } from './curl.js'
import { Http2Client, tlsSocket } from './http2-client.js'
import { type NodeOrigin, nodeOrigin } from './node-origin.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'
import { root, SECURE_FILES } from './secure-proxy.js'
import { makeTempDir } from './temp-dir.js'

const PLAIN = 'plain.test'
const PROBED = 'probe.test'
const BUMPED = 'bump.test'

/** How a request comes. Over `ssl` the first three of them are inside TLS with the proxy. */
export const WAYS = ['plain', 'probe', 'bump', 'http2', 'socks'] as const
export type Way = (typeof WAYS)[number]

/** What a client shows of itself. */
export interface Shown {
  /** `name:password` */
  readonly basic?: string
  /** Lines of Proxy-Authorization fields, without the name. */
  readonly fields?: readonly string[]
  /** Its certificate and key, by which it comes over the `ssl` port. */
  readonly certificate?: { readonly chainPem: string; readonly keyPem: string }
}

export interface AccessStage {
  readonly proxy: ProxyHere
  readonly origin: NodeOrigin
  readonly secure: NodeOrigin
  /** Of the plain, the ssl and the SOCKS port. */
  readonly ports: readonly [plain: number, ssl: number, socks: number]
  /** What the program listens to: more for `startProxyHere` after a change. */
  readonly confWith: (conf: ProxyConf) => ProxyConf
  /** The status of the answer: of the CONNECT where that was refused; 97 is curl's for a SOCKS server that refuses. */
  status(way: Way, shown: Shown, method?: string): Promise<number>
  /** Lines of the access log, parsed. */
  log(): readonly Record<string, unknown>[]
}

export async function accessStage(t: Test, conf: ProxyConf = {}): Promise<AccessStage> {
  const dir = makeTempDir()
  const origin = await nodeOrigin()
  const leaf = await root.issue({ cn: PROBED, sans: [PROBED, BUMPED] })
  const secure = await nodeOrigin({ tls: leaf })
  const bump = await bumpFiles()
  const trusted = dir.file('trusted.pem', root.certPem + bump['bump-ca.pem'])
  const confWith = (more: ProxyConf): ProxyConf => ({
    hosts: [PLAIN, PROBED, BUMPED],
    ca: root.certPem,
    ...more,
    files: {
      ...SECURE_FILES,
      ...bump,
      'sni.yaml': `sni:\n- {fqdn: ${BUMPED}, connect_verify: bump}\n`,
      ...more.files,
    },
    records: {
      'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1 0:socks:ip-in=127.0.0.1',
      'proxy.config.http.connect_ports': '*',
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': dir.path,
      'proxy.config.log.format': 'json',
      ...more.records,
    },
  })
  const proxy = await startProxyHere(confWith(conf))
  t.teardown(async () => {
    await proxy.stop()
    await origin.stop()
    await secure.stop()
    dir.remove()
  })
  const [plain = 0, ssl = 0, socks = 0] = proxy.server.ports.map(({ port }) => port)

  const http2 = async ({ basic, fields = [], certificate }: Shown, method: string): Promise<number> => {
    const socket = await tlsSocket(ssl, {
      ...{ ca: root.certPem, servername: 'proxy.example', alpn: ['h2'] },
      ...(certificate && { cert: certificate.chainPem, key: certificate.keyPem }),
    })
    const client = new Http2Client(socket)
    t.teardown(client.stop)
    const all = [...fields, ...(basic === undefined ? [] : [`Basic ${btoa(basic)}`])]
    const { status } = await client.ask({
      ...{ ':method': method, ':scheme': 'http', ':authority': `${PLAIN}:${origin.port}`, ':path': '/' },
      ...(all.length > 0 && { 'proxy-authorization': all[0] }),
    })
    client.stop()
    return status
  }

  const status: AccessStage['status'] = async (way, shown, method = 'GET') => {
    if (way === 'http2') return http2(shown, method)
    const { basic, fields = [], certificate } = shown
    const login = basic === undefined ? '' : `${basic}@`
    const url =
      way === 'plain'
        ? `http://${PLAIN}:${origin.port}/`
        : `https://${way === 'bump' ? BUMPED : PROBED}:${secure.port}/`
    const through =
      way === 'socks'
        ? ['--socks5-hostname', `${login}127.0.0.1:${socks}`]
        : [
            '-x',
            certificate === undefined ? `http://127.0.0.1:${plain}` : `https://127.0.0.1:${ssl}`,
            ...(basic === undefined ? [] : ['-U', basic]),
            ...fields.flatMap(field => ['--proxy-header', `Proxy-Authorization: ${field}`]),
          ]
    const pem = certificate && dir.file('client.pem', certificate.chainPem + certificate.keyPem)
    const shows = pem === undefined ? [] : ['--proxy-cert', pem]
    const out = ['-o', '/dev/null', '-w', '%{http_connect} %{http_code}']
    const { code, stdout } = await curl([
      ...['-sS', '--http1.1', '--proxy-insecure', '--cacert', trusted, '-X', method],
      ...[...through, ...shows, ...out, url],
    ])
    const [connect = 0, answer = 0] = stdout.split(' ').map(Number)
    if (way === 'socks') return code === 0 ? answer : code
    return connect === 0 || connect === 200 ? answer : connect
  }
  const log = (): readonly Record<string, unknown>[] =>
    readFileSync(`${dir.path}/access.log`, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>)
  return { proxy, origin, secure, ports: [plain, ssl, socks], confWith, status, log }
}
