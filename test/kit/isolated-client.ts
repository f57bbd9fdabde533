/** A proxy with an ssl port, and a plugin in worker threads that does with a client what the client's name says. */
import type { Test } from 'tap'
import type { ProxyConf } from './proxy.js'
import { root, type SecureProxy, secureProxy } from './secure-proxy.js'
import { makeTempDir } from './temp-dir.js'

/** `what.hook.example`: the hook on which the plugin does something else than to go on. Sessions are files. */
const PLUGIN = `
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isMainThread, threadId } from 'node:worker_threads'
const spin = ms => { for (const end = Date.now() + ms; Date.now() < end;); }
export default ({ argv, hookAdd, reject, note, name }) => {
  if (isMainThread) throw new Error('not isolated')
  const [, dir, cert, key] = argv
  const tried = (what, fn) => {
    try { note(what + ' ' + fn()) } catch (cause) { note(what + ' ' + cause.code) }
  }
  const doings = {
    no: ({ reenable }) => reenable(reject('policy', 'not you')),
    later: ({ schedule, reenable }) => schedule(reenable, 50),
    throws: () => { throw new Error('oops') },
    never: ({ signal }) => signal.addEventListener('abort', () => note('aborted')),
    twice: ({ reenable }) => { reenable(); reenable() },
    spin: () => spin(60_000),
    exit: () => process.exit(3),
    memory: () => { const all = []; for (;;) all.push(new Array(10_000).fill(Math.random())) },
    facts: ({ reenable, ...event }) => {
      const { vconn, deadline, sni, alpn, versions, ciphers, extensions, extension, raw } = event
      const [body] = [extension(0)]
      body?.fill(0)
      note('facts ' + JSON.stringify({
        direction: vconn.direction, inTime: deadline > Date.now(), sni, alpn, versions, ciphers: ciphers.length > 0,
        name: extension(0)?.toString('latin1').slice(5), none: extension(4711) === undefined, all: extensions.includes(0),
        raw: Buffer.isBuffer(raw) && raw[0] === 1 && raw.length === 4 + raw.readUIntBE(1, 3),
        frozen: Object.isFrozen(event) || 'spread',
      }))
      reenable()
    },
    shown: ({ chain: [leaf], isResumed, protocol, cipher, reenable }) => {
      note('shown ' + JSON.stringify({ subject: leaf.subject, cn: leaf.x509.subject, isResumed, protocol, cipher }))
      reenable()
    },
    byname: ({ use, reenable }) => { use('nobody.example'.replace('nobody', 'other')); reenable() },
    pem: ({ use, reenable }) => {
      use({ cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') })
      reenable()
    },
    unknown: ({ use, reenable }) => { use('other.example'); use('nobody.example'); reenable() },
    junk: ({ use, reenable }) => { use({ cert: 'x', key: 'y' }); reenable() },
    late: ({ use, reenable }) => {
      tried('a number', () => use(5))
      reenable()
      tried('too late', () => use('other.example'))
    },
    wrong: ({ provide, reenable }) => {
      note('provide says ' + provide(Buffer.from('no session')) + ' ' + provide('text'))
      reenable()
      note('too late it says ' + provide(Buffer.from('no session')))
    },
  }
  const on = (hook, short, usually = ({ reenable }) => reenable()) => hookAdd(hook, event => {
    const [what, where] = event.sni?.split('.') ?? []
    return (where === short ? doings[what] : usually)(event)
  })
  const file = id => dir + '/' + id.toString('hex')
  on('TS_SSL_CLIENT_HELLO_HOOK', 'hello')
  on('TS_SSL_CERT_HOOK', 'cert', ({ vconn, reenable }) => { vconn.args[name] = threadId; reenable() })
  on('TS_SSL_VERIFY_CLIENT_HOOK', 'client')
  const sessions = event => {
    const { op, id, session, provide, reenable, sni } = event
    if (op !== 'get') note(op + ' ' + Buffer.isBuffer(id) + ' ' + sni)
    if (op === 'new') writeFileSync(file(id), session)
    if (op === 'remove') rmSync(file(id), { force: true })
    if (op !== 'get') return
    if (sni?.startsWith('wrong')) return doings.wrong(event)
    if (existsSync(file(id))) note('provided ' + provide(readFileSync(file(id))))
    reenable()
  }
  hookAdd('TS_SSL_SESSION_HOOK', sessions)
  hookAdd('TS_SSL_SESSION_HOOK', ({ op, reenable }) => { note('second ' + op); reenable?.() })
  hookAdd('TS_SSL_SERVERNAME_HOOK', ({ vconn, sni }) => note('servername ' + sni + ' ' + vconn.direction))
  hookAdd('TS_VCONN_CLOSE_HOOK', ({ args }) => note('closed ' + (args[name] === threadId)))
  hookAdd('TS_HTTP_TXN_CLOSE_HOOK', ({ method, status }) => note('transaction ' + method + ' ' + status))
  hookAdd('TS_LIFECYCLE_PORTS_READY_HOOK', ({ ports }) => note('ready ' + (ports[0].port > 0)))
  hookAdd('TS_LIFECYCLE_SHUTDOWN_HOOK', ({ grace }) => note('shutdown ' + grace))
}
`

/** What the plugin shows where it is asked for `pem.cert.example`. */
const given = await root.issue({ cn: 'given.example' })

export interface IsolatedClients extends SecureProxy {
  /** How many lines of the log match. */
  count(pattern: RegExp): number
}

export async function isolatedClients(
  t: Test,
  records: ProxyConf['records'] = {},
  options = '',
): Promise<IsolatedClients> {
  const dir = makeTempDir()
  t.teardown(() => dir.remove())
  const [cert, key] = [dir.file('given.pem', given.chainPem), dir.file('given.key', given.keyPem)]
  const secure = await secureProxy(t, [], {
    modules: { 'isolated_client.mjs': PLUGIN },
    plugins: [`isolated_client.mjs @isolate=worker ${options} ${dir.path} ${cert} ${key}`],
    records,
  })
  return {
    ...secure,
    count: pattern =>
      secure.proxy
        .output()
        .split('\n')
        .filter(line => pattern.test(line)).length,
  }
}
