/** Sessions of clients inside a CONNECT that is bumped: they hold for one origin, and for nothing that it has lost. */
import { type Test, test } from 'tap'
import type { SessionEvent } from '../../core/api/client-hooks.js'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { reject } from '../../core/api/verdict.js'
import { startBumping } from '../kit/bumping.js'
import { httpsOrigin } from '../kit/connecting.js'
import { HookGate } from '../kit/gate.js'
import { type SClientResult, sClient, throughProxy } from '../kit/s-client.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'www.google.com'
const OTHER = 'www.yahoo.com'
const VERSIONS = ['1.2', '1.3'] as const

interface Stage {
  readonly file: string
  /** One request, with the session of the file or making it. */
  ask(how: 'make' | 'resume', host: string, originPort: number): Promise<SClientResult>
}

async function start(
  t: Test,
  tls: (typeof VERSIONS)[number],
  clientGates: readonly HookGate[],
  answer: (event: VerifyServerEvent) => unknown = event => event.reenable(),
): Promise<Stage> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const { proxy } = await startBumping(t, {
    hosts: [HOST, OTHER],
    clientGates,
    answer: event => void answer(event),
    // The origin is judged anew for every client.
    records: { 'proxy.config.http.origin_max_idle': 0 },
  })
  const file = `${dir.path}/session.pem`
  return {
    file,
    ask: (how, host, originPort) => {
      const { args, ...rest } = throughProxy(proxy.port, host, originPort)
      return sClient({ ...rest, tls, args: [...args, how === 'make' ? '-sess_out' : '-sess_in', file] })
    },
  }
}

/** A plugin that keeps sessions. */
function store(): HookGate {
  const kept = new Map<string, Buffer>()
  const onSession = (event: SessionEvent): unknown => {
    const id = event.id.toString('hex')
    if (event.op === 'new') return kept.set(id, event.session)
    if (event.op === 'remove') return kept.delete(id)
    const session = kept.get(id)
    return setTimeout(() => {
      if (session !== undefined) event.provide(session)
      event.reenable()
    }, 20)
  }
  return new HookGate({ TS_SSL_SESSION_HOOK: onSession })
}

for (const tls of VERSIONS)
  for (const [kept, gates] of [
    ['in tickets', () => []],
    ['by a plugin', () => [store()]],
  ] as const)
    test(`TLS ${tls}, kept ${kept}: resumed towards the same origin, judged again`, async t => {
      const judged: string[] = []
      let verdict: Parameters<VerifyServerEvent['reenable']>[0]
      const { ask } = await start(t, tls, gates(), ({ host, reenable }) => {
        judged.push(host)
        reenable(verdict)
      })
      const [origin, elsewhere] = [await httpsOrigin(t, HOST), await httpsOrigin(t, HOST, OTHER)]
      t.match(await ask('make', HOST, origin.port), { isResumed: false, body: /hello from/ })
      const before = judged.length
      t.match(await ask('resume', HOST, origin.port), { isResumed: true, body: /hello from/ })
      t.ok(judged.length > before, 'the origin has been judged again')
      t.match(await ask('resume', HOST, elsewhere.port), { isResumed: false }, 'another port')
      t.match(await ask('resume', OTHER, elsewhere.port), { isResumed: false }, 'another name')
      verdict = reject('revoked')
      const { output, body } = await ask('resume', HOST, origin.port)
      t.equal(body, undefined)
      t.match(output, /HTTP\/1\.1 502 /, 'whatever the session was made for: the origin of now is rejected')
    })
