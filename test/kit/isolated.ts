/** A proxy with one plugin in worker threads, which does with an origin what its name says. */
import type { Test } from 'tap'
import { words } from '../../core/base/text.js'
import { get, type TimedResponse } from './client.js'
import { type NodeOrigin, nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

/** What the plugin does with a host is the first label of its name. */
const PLUGIN = `
import { existsSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
const spin = ms => { for (const end = Date.now() + ms; Date.now() < end;); }
export default ({ argv, hookAdd, accept, reject, note, debug, error, schedule, signal, name }) => {
  if (isMainThread) throw new Error('not isolated')
  note('loaded with ' + argv.slice(1))
  error('an error line')
  schedule(() => note('scheduled'), 10)
  signal.addEventListener('abort', () => note('unloaded'))
  hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ vconn, host, reenable }) => {
    vconn.args[name] = vconn.id
    reenable(host === 'closed.test' ? reject('policy', 'not there') : undefined)
  })
  hookAdd('TS_VCONN_OUTBOUND_CLOSE_HOOK', ({ id, args }) => note('closed ' + (args[name] === id)))
  hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', ({ method, url, args, headers, reenable }) => {
    note('sent ' + method + ' ' + url)
    args[name] = headers.get('Host')
    headers.set('X-Isolated', 'yes')
    reenable()
  })
  hookAdd('TS_HTTP_TXN_CLOSE_HOOK', ({ args }) => note('args ' + args[name]))
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    const { host, reenable, chain: [leaf] } = event
    const [what, ...rest] = host.split('.')
    const doings = {
      ok: () => reenable(),
      no: () => reenable(reject('revoked', 'on a list')),
      flood: () => { for (let i = 0; i < 5000; i++) note('flood ' + i); reenable() },
      junk: () => reenable('yes'),
      slow: () => event.schedule(reenable, 200),
      twice: () => { reenable(reject('policy')); reenable() },
      spin: () => { spin(10_000); reenable() },
      busy: () => { note('holds ' + host); while (!existsSync(new URL('./release-' + host, import.meta.url))) spin(10); reenable() },
      later: () => event.schedule(() => spin(30_000), 50),
      memory: () => { const all = []; for (;;) all.push(new Array(10_000).fill(Math.random())) },
      exit: () => process.exit(3),
      crash: () => { setTimeout(() => { throw new Error('out of the blue') }) },
      throws: () => { throw new Error('oops') },
      rejects: async () => { throw new Error('later oops') },
      never: () => { note('holds ' + host); event.signal.addEventListener('abort', () => note('aborted ' + host)) },
      evidence: () => {
        const { vconn, port, deadline, sni, chain, builtChain, builtIn, checks, protocol, cipher } = event
        note('evidence ' + JSON.stringify({
          vconn, port: port > 0, time: deadline > Date.now(), sni, subject: leaf.subject, issuer: leaf.issuer,
          sha256: leaf.sha256, cn: leaf.x509.subject, pem: leaf.pem.slice(0, 27), der: leaf.der.length > 100,
          isBuffer: Buffer.isBuffer(leaf.der), same: builtChain[0] === leaf, sent: chain.length, built: builtChain.length,
          ok: builtIn.ok, name: checks.name.ok, protocol, cipher, args: vconn.args[name] === vconn.id, }))
        reenable(accept({ expiresIn: 60_000 }))
      },
    }
    return doings[what]()
  })
}
`
const HOSTS = words(`
  ok no flood junk slow twice spin busy later memory exit crash throws rejects never evidence closed busy.two
`).map(what => `${what}.test`)

export interface IsolatedStage {
  readonly proxy: ProxyHere
  readonly origin: NodeOrigin
  get(what: string, ms?: number): Promise<TimedResponse>
}

export async function isolatedStage(
  t: Test,
  records: ProxyConf['records'] = {},
  options = '',
): Promise<IsolatedStage> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: 'ok.test', sans: HOSTS }) })
  t.teardown(origin.stop)
  const proxy = await startProxyHere({
    plugins: [`isolated.mjs @isolate=worker ${options} one two`],
    modules: { 'isolated.mjs': PLUGIN },
    hosts: HOSTS,
    ca: root.certPem,
    records: { 'proxy.config.http.origin_max_idle': 0, ...records },
  })
  t.teardown(proxy.stop)
  return {
    proxy,
    origin,
    get: (what, ms) => get(proxy.port, `https://${what}.test:${origin.port}/`, ['Connection: close'], ms),
  }
}
