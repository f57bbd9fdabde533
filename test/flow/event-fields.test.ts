/** Every hook's event, as a plugin in the proxy's thread and one in a worker see it: the same fields, and the declared ones. */
import { test } from 'tap'
import { EVENT_FIELDS } from '../../core/hooks/event-fields.js'
import { HOOK_IDS } from '../../core/hooks/hook-ids.js'
import { callCtl } from '../kit/managed.js'
import { nodeOrigin } from '../kit/node-origin.js'
import type { Issued } from '../kit/pki.js'
import { startProxy } from '../kit/proxy.js'
import { sClient } from '../kit/s-client.js'
import { root, SECURE_FILES } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

/** Goes on everywhere, keeps sessions, and writes down what each event is made of. */
const PLUGIN = `
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
export default ({ argv, hookAdd, note, reject, confDir }) => {
  const [, who, dir, ...hooks] = argv
  note('confDir ' + who + ' ' + confDir)
  for (const hook of hooks)
    hookAdd(hook, event => {
      const name = event.op === undefined ? hook : hook + ' ' + event.op
      const { ...copy } = event
      const json = Object.keys(JSON.parse(JSON.stringify(event)))
      const lost = Object.keys(event).filter(key => typeof event[key] !== 'function' && event[key] !== undefined && !json.includes(key))
      const certificate = (event.chain ?? event.origin?.chain)?.[0]
      note('fields ' + JSON.stringify({
        who, name, lost,
        keys: Object.keys(event).sort(),
        copy: Object.keys(copy).sort(),
        inFor: (() => { const all = []; for (const key in event) all.push(key); return all.sort() })(),
        certificate: certificate && [Object.keys(certificate).sort(), Object.keys({ ...certificate }).sort(), JSON.parse(JSON.stringify(certificate))],
      }))
      if (event.op === 'new') writeFileSync(dir + '/' + who + event.id.toString('hex'), event.session)
      const file = event.op === 'get' && who === 'worker' && dir + '/' + who + event.id.toString('hex')
      if (file && existsSync(file)) event.provide(readFileSync(file))
      event.reenable?.(event.chain?.[0].subject === '/CN=refused' ? reject('policy') : undefined)
    })
}
`

interface Seen {
  readonly who: 'here' | 'worker'
  readonly name: string
  readonly lost: readonly string[]
  readonly keys: readonly string[]
  readonly copy: readonly string[]
  readonly inFor: readonly string[]
  readonly certificate?: readonly unknown[]
}

const CERTIFICATE = ['der', 'issuer', 'pem', 'sha256', 'subject', 'x509']

test('every event has its declared fields, here and in a worker', async t => {
  const dir = makeTempDir()
  t.teardown(() => dir.remove())
  const host = 'origin.example'
  const origin = await nodeOrigin({ tls: await root.issue({ cn: host }) })
  t.teardown(origin.stop)
  const client = await root.issue({ cn: 'a client', eku: ['clientAuth'] })
  const refused = await root.issue({ cn: 'refused', eku: ['clientAuth'] })
  const hooks = HOOK_IDS.join(' ')
  const proxy = await startProxy({
    modules: { 'fields.mjs': PLUGIN },
    plugins: [
      `fields.mjs here ${dir.path} ${hooks}`,
      `fields.mjs @isolate=worker worker ${dir.path} ${hooks}`,
    ],
    hosts: [host],
    ca: root.certPem,
    files: SECURE_FILES,
    records: {
      'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
      'proxy.config.ssl.client.certification_level': 1,
      'proxy.config.ssl.CA.cert.filename': 'root.pem',
      'proxy.config.http.origin_max_idle': 0,
      'proxy.config.admin.socket': 'ctl.sock',
    },
  })
  t.teardown(proxy.stop)
  const ask = (args: readonly string[]): ReturnType<typeof sClient> =>
    sClient({ port: proxy.port, servername: 'proxy.example', request, tls: '1.2', args })
  const request = `GET https://${host}:${origin.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
  const session = `${dir.path}/session`
  // Sessions are provided by the second of the two plugins, so that both are asked for them.
  const shown = ({ certPem, keyPem }: Issued): string[] => {
    const file = dir.file('client.pem', certPem + keyPem)
    return ['-cert', file, '-key', file]
  }
  t.match(await ask([...shown(client), '-sess_out', session]), { isResumed: false })
  t.match(await ask(['-sess_in', session]), { isResumed: true })
  await ask(shown(refused)) // its session is not to be used again
  await proxy.until(/"worker","name":"TS_SSL_SESSION_HOOK remove"/)
  t.match(await callCtl(proxy.conf.path, 'plugin', 'msg', 'tag', 'data'), { code: 0 })
  await proxy.until(/"worker","name":"TS_LIFECYCLE_MSG_HOOK"/)
  proxy.child.kill('SIGTERM')
  await proxy.child.exited()

  const output = proxy.output()
  const seen = [...output.matchAll(/fields (\{.*\})$/gm)].map(([, text = '']) => JSON.parse(text) as Seen)
  const names = new Set(seen.map(({ who, name }) => `${name} ${who}`))
  for (const name of Object.keys(EVENT_FIELDS))
    for (const who of ['here', 'worker']) t.ok(names.has(`${name} ${who}`), `${name} was seen, ${who}`)
  for (const { who, name, keys, copy, inFor, lost, certificate } of seen) {
    const what = `${name}, ${who}`
    t.strictSame(keys, EVENT_FIELDS[name], what)
    t.strictSame([copy, inFor, lost], [keys, keys, []], `${what}: a copy, and JSON`)
    if (certificate === undefined) continue
    const [own, copied, json] = certificate
    t.strictSame([own, copied], [CERTIFICATE, CERTIFICATE], `${what}: a certificate`)
    t.match(json, {
      subject: String,
      issuer: String,
      sha256: /^[0-9a-f]{64}$/,
      pem: /^-----BEGIN CERTIFICATE/,
    })
  }
  for (const who of ['here', 'worker'])
    t.match(
      output,
      new RegExp(`confDir ${who} ${proxy.conf.path}$`, 'm'),
      `the folder of the configuration, ${who}`,
    )
})
