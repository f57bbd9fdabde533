/**
 * Sessions of clients, and the certificates that they rest on, where they must not count: under another name, on another
 * port, after a reload that asks more of clients or trusts other authorities, and for a client that has none.
 */
import { type Test, test } from 'tap'
import type { SessionEvent } from '../../core/api/client-hooks.js'
import { HookGate } from '../kit/gate.js'
import { type Authority, makeAuthority } from '../kit/pki.js'
import type { ProxyConf } from '../kit/proxy.js'
import { type SClientResult, sClient } from '../kit/s-client.js'
import { HELLO, REQUEST, SECURE_FILES, secureProxy } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const VERSIONS = ['1.2', '1.3'] as const
const [ours, theirs] = await Promise.all([makeAuthority({ name: 'Ours' }), makeAuthority({ name: 'Theirs' })])

/** A plugin that keeps sessions, also across a reload. */
function keeping(): { readonly gate: HookGate; readonly stored: Map<string, Buffer> } {
  const stored = new Map<string, Buffer>()
  const onSession = (event: SessionEvent): unknown => {
    const id = event.id.toString('hex')
    if (event.op === 'new') return stored.set(id, event.session)
    if (event.op === 'remove') return undefined // a store that forgets nothing is the worst case
    const session = stored.get(id)
    if (session !== undefined) event.provide(session)
    return event.reenable()
  }
  return { gate: new HookGate({ TS_SSL_SESSION_HOOK: onSession }), stored }
}

interface Asked {
  readonly servername?: string
  readonly port?: number
  readonly session: 'make' | 'resume'
  readonly cert?: string
}

async function start(t: Test, tls: (typeof VERSIONS)[number], keeps: boolean, level: 0 | 1 | 2) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const issued = await ours.issue({ cn: 'alice', eku: ['clientAuth'] })
  const cert = dir.file('alice.pem', issued.certPem + issued.keyPem)
  const seen: (string | undefined)[] = []
  const witness = new HookGate({
    TS_SSL_VERIFY_CLIENT_HOOK: ({ chain, reenable }) => {
      seen.push(chain[0]?.subject)
      reenable()
    },
  })
  const gates = [witness, ...(keeps ? [keeping().gate] : [])]
  const confOf = (askedLevel: 0 | 1 | 2, authority: Authority): ProxyConf => ({
    files: { ...SECURE_FILES, 'clients.pem': authority.certPem },
    records: {
      'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1',
      'proxy.config.ssl.client.certification_level': askedLevel,
      'proxy.config.ssl.CA.cert.filename': 'clients.pem',
    },
  })
  const { proxy } = await secureProxy(t, gates, confOf(level, ours))
  const ports = proxy.server.ports.map(({ port }) => port)
  const file = `${dir.path}/session.pem`
  const ask = ({ servername = 'proxy.example', port = ports[0] ?? 0, session, cert: shown }: Asked) =>
    sClient({
      port,
      servername,
      tls,
      request: REQUEST,
      args: [
        ...[session === 'make' ? '-sess_out' : '-sess_in', file],
        ...(shown === undefined ? [] : ['-cert', shown, '-key', shown]),
      ],
    })
  const reload = async (askedLevel: 0 | 1 | 2, authority: Authority): Promise<void> => {
    proxy.conf.write({
      hosts: ['origin.example'],
      plugins: gates.map(({ line }) => line),
      ...confOf(askedLevel, authority),
    })
    await proxy.server.reload()
  }
  return { ask, reload, cert, seen, ports }
}

/** The session was not taken, and without a certificate of its own the client is not served. */
const isRefused = (t: Test, { isResumed, body }: SClientResult, what: string): void => {
  t.notOk(isResumed, what)
  t.equal(body, undefined, what)
}

for (const tls of VERSIONS)
  for (const keeps of [false, true]) {
    const where = `TLS ${tls}, kept ${keeps ? 'by a plugin' : 'in tickets'}`

    test(`${where}: a session speaks for its certificate under the same name alone`, async t => {
      const { ask, cert, seen, ports } = await start(t, tls, keeps, 2)
      t.match(await ask({ session: 'make', cert }), { isResumed: false, body: HELLO })
      isRefused(t, await ask({ session: 'resume', servername: 'other.example' }), 'another name')
      t.equal(seen.length, 1, 'and no plugin is told that it is alice')
      t.match(await ask({ session: 'resume' }), { isResumed: true, body: HELLO })
      t.match(
        await ask({ session: 'resume', port: ports[1] ?? 0 }),
        { body: HELLO },
        'a port that asks the same',
      )
      t.match(seen, Array(3).fill(/CN=alice/), 'plugins are asked about the certificate each time')
    })

    test(`${where}: a session does not outlive the authority that its certificate is from`, async t => {
      const { ask, reload, cert, seen } = await start(t, tls, keeps, 2)
      t.match(await ask({ session: 'make', cert }), { isResumed: false, body: HELLO })
      await reload(2, theirs)
      isRefused(t, await ask({ session: 'resume' }), 'the session alone')
      isRefused(t, await ask({ session: 'resume', cert }), 'nor with the certificate')
      t.equal(seen.length, 1)
    })

    for (const from of [0, 1] as const)
      test(`${where}: a session without a certificate does not stand for one (level ${from})`, async t => {
        const { ask, reload, seen } = await start(t, tls, keeps, from)
        t.match(await ask({ session: 'make' }), { isResumed: false, body: HELLO })
        await reload(2, ours)
        isRefused(t, await ask({ session: 'resume' }), 'after a reload that asks for one')
        t.equal(seen.length, 0)
      })

    test(`${where}: a session of a certificate that was optional is judged anew where it is required`, async t => {
      const { ask, reload, cert } = await start(t, tls, keeps, 1)
      t.match(await ask({ session: 'make', cert }), { isResumed: false, body: HELLO })
      await reload(2, ours)
      isRefused(t, await ask({ session: 'resume' }), 'the session alone')
      t.match(await ask({ session: 'resume', cert }), { isResumed: false, body: HELLO })
    })
  }
