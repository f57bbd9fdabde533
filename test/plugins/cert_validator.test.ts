import { readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import type { Origin, TestHandshake } from '../../core/testing/kit.js'
import { makeChain } from '../../core/testing/kit.js'
import { atEnd } from '../kit/at-end.js'
import { requireProgram } from '../kit/programs.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()

/** A helper that behaves as the host's first label says. It reads whole requests by their length, and logs them. */
const HELPER = dir.file(
  'helper.mjs',
  `import { appendFileSync } from 'node:fs'
const [, , log, channels] = process.argv
const ok = 'OK 0 \\x01'
const held = []
let input = Buffer.alloc(0)
const say = (id, text) => process.stdout.write(id === '' ? text : id + ' ' + text)
const errors = (...names) => {
  const body = names.map((name, i) => 'error_name_' + i + '=' + name + '\\nerror_reason_' + i + '=because ' + i + '\\nerror_cert_' + i + '=cert_0\\n').join('')
  return 'ERR ' + body.length + ' ' + body + '\\x01'
}
const answers = {
  ok: id => say(id, ok),
  err: id => say(id, errors('X509_V_ERR_CERT_REVOKED', 'X509_V_ERR_CERT_HAS_EXPIRED')),
  squid: id => say(id, errors('SQUID_X509_V_ERR_DOMAIN_MISMATCH')),
  unnamed: id => say(id, 'ERR 18 error_cert_0=cert_0\\x01'),
  none: id => say(id, 'ERR 0 \\x01'),
  alien: id => say(id, errors('X509_V_ERR_OF_TOMORROW')),
  bh: id => say(id, 'BH message="out of order"\\x01'),
  cut: id => say(id, 'OK 500 error_name_0=X\\x01'),
  empty: id => say(id, 'OK\\x01'),
  chatter: id => say(id, 'OK 9 what=ever\\x01'),
  garbage: () => say('', 'Segmentation fault\\x01'),
  flood: () => say('', 'x'.repeat(1_200_000)),
  never: () => undefined,
  dies: () => process.exit(3),
  pieces: async id => {
    for (const byte of (id === '' ? '' : id + ' ') + errors('X509_V_ERR_CERT_REVOKED')) {
      process.stdout.write(byte)
      await new Promise(resolve => setImmediate(resolve))
    }
  },
  last: id => { held.push(id); if (held.length === 3) for (const one of held.reverse()) say(one, one === held.at(-1) ? ok : errors('X509_V_ERR_CERT_REJECTED')) },
}
process.stdin.on('data', data => {
  input = Buffer.concat([input, data])
  for (;;) {
    const head = /^(?:(\\d+) )?cert_validate (\\d+) /.exec(input.toString('latin1', 0, 100))
    if (head === null || (head[1] !== undefined) !== (channels === 'channels')) { if (input.length > 20) process.exit(9); return }
    const end = head[0].length + Number(head[2])
    if (input.length < end + 1) return
    if (input[end] !== 10) process.exit(8)
    const body = input.toString('utf8', head[0].length, end)
    input = input.subarray(end + 1)
    appendFileSync(log, JSON.stringify({ id: head[1], body }) + '\\n')
    answers[/^host=([a-z]+)/.exec(body)[1]](head[1] ?? '')
  }
})
`,
)

let logs = 0
interface Opened {
  ask(name: string, more?: Partial<Origin>): Promise<unknown>
  /** What the helpers were asked. */
  asked(): readonly { readonly id?: string; readonly body: string }[]
  readonly kit: Awaited<ReturnType<typeof openPlugins>>
}

async function open(t: Test, options = '', line = 'cert_validator'): Promise<Opened> {
  const log = dir.file(`log-${++logs}`, '')
  const channels = options.includes('concurrency=0') ? 'single' : 'channels'
  const kit = await openPlugins(
    t,
    `${line} "cmd=${process.execPath} ${HELPER} ${log} ${channels}" ${options}`,
  )
  return {
    kit,
    ask: async (name, more) => await (await kit.park({ host: `${name}.example`, ...more })).ended(20_000),
    asked: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line)),
  }
}

const internal = (detail: RegExp) => ({ ...rejected('cert_validator', 'internal'), detail })
const UNREADABLE = internal(/has not answered in a way that can be read/)

for (const line of ['cert_validator', 'cert_validator @isolate=worker'])
  for (const options of ['', 'children=1 concurrency=0'])
    test(`${line} ${options} does what the helper says, and accepts nothing else`, async t => {
      const { ask, kit } = await open(t, options, line)
      t.strictSame(await ask('ok'), ACCEPTED)
      const revoked = rejected('cert_validator', 'X509_V_ERR_CERT_REVOKED', 'because 0')
      t.match(await ask('err'), revoked)
      t.match(await ask('pieces'), revoked)
      t.match(await ask('squid'), rejected('cert_validator', 'name-mismatch', 'because 0'))
      for (const name of ['unnamed', 'none', 'alien', 'bh', 'cut', 'empty', 'chatter'])
        t.match(await ask(name), UNREADABLE, name)
      await kit.logged(/about bh\.example: it says it is broken: message="out of order"/)
      await kit.logged(/about alien\.example: it names an unknown error: X509_V_ERR_OF_TOMORROW/)
    })

test('a helper is sent what Squid sends', async t => {
  const { ask, asked } = await open(t)
  const chain = await makeChain({ names: ['ok.example'] }, { subject: '/CN=Issuer' })
  const [leaf = '', issuer = ''] = chain.split(/(?<=-----END CERTIFICATE-----)\n/)
  t.strictSame(
    await ask('ok', { chain, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED', depth: 1 }),
    ACCEPTED,
    'it overrules',
  )
  t.equal(
    asked()[0]?.body,
    [
      'host=ok.example',
      'proto_version=TLSv1.3',
      'cipher=TLS_AES_256_GCM_SHA384',
      `cert_0=${leaf}`,
      `cert_1=${issuer}`,
      'error_name_0=X509_V_ERR_CERT_HAS_EXPIRED',
      'error_cert_0=cert_1',
    ].join('\n'),
  )
  await ask('ok', { chain, builtIn: 'X509_V_ERR_HOSTNAME_MISMATCH' })
  t.match(asked()[1]?.body, /\nerror_name_0=SQUID_X509_V_ERR_DOMAIN_MISMATCH\nerror_cert_0=cert_0$/)
})

test('answers may come in any order', async t => {
  const { kit } = await open(t, 'children=1')
  const asked: TestHandshake[] = [] // one after the other: the helper accepts the first that has reached it
  for (const name of ['last', 'last.b', 'last.c']) asked.push(await kit.park({ host: `${name}.example` }))
  const kinds = await Promise.all(asked.map(async one => (await one.ended()).kind))
  t.strictSame(kinds, ['accepted', 'rejected', 'rejected'])
})

test('answers are kept, for as long and as many as the line says', async t => {
  const chain = await makeChain({ names: ['ok.example'] })
  const twice = async (options: string, name = 'ok'): Promise<number> => {
    const { ask, asked } = await open(t, options)
    t.strictSame(await ask(name, { chain }), await ask(name, { chain }))
    return asked().length
  }
  t.equal(await twice(''), 1)
  t.equal(await twice('', 'err'), 1, 'a rejection, too')
  t.equal(await twice('ttl=infinity'), 1)
  t.equal(await twice('', 'bh'), 2, 'but not a failure')
  t.equal(await twice('cache=0'), 2)
  t.equal(await twice('ttl=0'), 2)
  t.equal(await twice('cache=100'), 2, 'larger than the cache')
})

test('a helper out of step is killed and started again, and what it held is rejected', async t => {
  for (const [name, why] of [
    ['garbage', /it sent what nothing had asked for: "Segmentation fault"; started again in 250 ms/],
    ['flood', /it sent \d+ bytes without an end; started again/],
    ['dies', /it ended with status 3; started again in 250 ms/],
  ] as const) {
    const { ask, kit } = await open(t, 'children=1')
    const held = await kit.park({ host: 'never.example' })
    t.match(await ask(name), internal(/its helper is gone/), name)
    t.match(await held.ended(), internal(/its helper is gone/))
    await kit.logged(why)
    t.match(await ask('ok'), internal(/no helper is running/), 'nothing is accepted meanwhile')
    await kit.advance(250)
    t.strictSame(await ask('ok'), ACCEPTED)
    t.match(await ask('dies'), internal(/its helper is gone/))
    await kit.logged(/started again in 500 ms/)
  }
})

test('with another helper running, the end of one costs its own questions only', async t => {
  const { ask } = await open(t, 'children=2')
  t.match(await ask('dies'), internal(/its helper is gone/))
  t.strictSame(await ask('ok'), ACCEPTED)
})

test('a helper that never answers ends with the deadline, and its channel is not used again', async t => {
  const { ask, kit } = await open(t, 'children=1', 'cert_validator @deadline=1000')
  const held = await kit.park({ host: 'never.example' })
  await kit.advance(1000)
  t.match(held.outcome, { kind: 'rejected', by: 'deadline', plugin: 'cert_validator' })
  t.strictSame(await ask('ok'), ACCEPTED)
  const left = await kit.park({ host: 'never.example' })
  left.leave()
  t.strictSame(left.outcome, { kind: 'left' })
  t.strictSame(await ask('ok'), ACCEPTED)
})

test('a question beyond what waits for busy helpers is rejected', async t => {
  const { kit } = await open(t, 'children=1 concurrency=0')
  const names = ['never', 'ok.a', 'ok.b', 'ok.c']
  const all = []
  for (const name of names) all.push(await kit.park({ host: `${name}.example` }))
  t.match(await all[3]?.ended(), internal(/all helpers are busy/))
  t.strictSame([all[0]?.outcome, all[1]?.outcome, all[2]?.outcome], [undefined, undefined, undefined])
})

test('a program that cannot be started stops the start', async t => {
  const start = (cmd: string) => openPlugins(t, `cert_validator "cmd=${cmd}"`)
  await t.rejects(start('/no/such/program'), { code: 'PTC_PLUGIN_INIT_FAILED', message: /ENOENT/ })
  await t.rejects(start("'open"), { message: /has a quote or a backslash too many/ })
  await t.rejects(start(' '), { message: /names no program/ })
})

test('the helper that comes with Squid', async t => {
  const program = requireProgram('security_fake_certverify')
  for (const line of ['cert_validator', 'cert_validator @isolate=worker']) {
    const kit = await openPlugins(t, `${line} cmd=${program} children=2`)
    const ask = async (more: Partial<Origin> = {}) =>
      await (await kit.park({ host: 'a.example', ...more })).ended(20_000)
    t.strictSame(await ask({ chain: [{ names: ['a.example'] }, { subject: '/CN=Issuer' }] }), ACCEPTED)
    const builtIn = 'X509_V_ERR_CERT_HAS_EXPIRED'
    t.match(await ask({ builtIn }), rejected('cert_validator', builtIn, 'Checked by Cert Validator'))
    const together = await Promise.all([...'bcdefgh'].map(name => kit.park({ host: `${name}.example` })))
    for (const one of together) t.strictSame(await one.ended(20_000), ACCEPTED)
  }
})

atEnd(() => dir.remove())
