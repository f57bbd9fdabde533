import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { certificatesOf, makeChain } from '../../core/testing/kit.js'
import { spkiOf } from '../../plugins/certificates/fingerprints.js'
import { atEnd } from '../kit/at-end.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
let programs = 0

/** A shell script, as an operator would write one. */
function script(body: string): string {
  const path = dir.file(`check-${++programs}.sh`, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o700)
  return path
}

async function ask(t: Test, line: string, more = {}) {
  const kit = await openPlugins(t, line)
  return await (await kit.park({ host: 'a.example', ...more })).ended(20_000)
}

const prints = (text: string): string => script(`cat >/dev/null\necho '${text}'`)
const FAILED = rejected('exec', 'internal', 'the program that decides has failed about a.example')

for (const isolate of ['', '@isolate=worker '])
  test(`exec does what the program prints, and accepts nothing else ${isolate}`, async t => {
    const of = (text: string) => ask(t, `exec ${isolate}cmd=${prints(text)}`)
    t.strictSame(await of('{"verdict": "accept"}'), ACCEPTED)
    t.match(await of('{"verdict": "accept", "expiresIn": 60000}'), { kind: 'accepted', expiresAt: Number })
    t.match(await of('{"verdict": "reject"}'), rejected('exec', 'policy'))
    const words = '{"verdict": "reject", "reason": "revoked", "detail": "on the list"}'
    t.match(await of(words), rejected('exec', 'revoked', 'on the list'))
    t.match(
      await of('{"verdict": "reject", "reason": "X509_V_ERR_CERT_UNTRUSTED"}'),
      rejected('exec', 'X509_V_ERR_CERT_UNTRUSTED'),
    )
    for (const text of [
      '',
      'accept',
      'null',
      '["accept"]',
      '{}',
      '{"verdict": true}',
      '{"verdict": "accept", "cachefor": 1}',
      '{"verdict": "accept", "cacheFor": "1h"}',
      '{"verdict": "accept", "cacheFor": -1}',
      '{"verdict": "accept", "reason": "revoked"}',
      '{"verdict": "reject", "reason": "because"}',
      '{"verdict": "accept"} {"verdict": "accept"}',
    ])
      t.match(await of(text), FAILED, text)
  })

test('exec tells the program what the origin has shown', async t => {
  const file = `${dir.path}/question.json`
  const program = script(`cat >${file}\necho '{"verdict":"accept"}'`)
  const chain = await makeChain({ names: ['a.example', 'b.example'] }, { subject: '/CN=Issuer' })
  const [leaf] = certificatesOf(chain)
  t.strictSame(await ask(t, `exec "cmd=${program} 'an argument' two"`, { chain, port: 8443 }), ACCEPTED)
  const question = JSON.parse(readFileSync(file, 'utf8'))
  t.match(question, {
    version: 1,
    host: 'a.example',
    port: 8443,
    sni: 'a.example',
    protocol: 'TLSv1.3',
    builtIn: { ok: true, name: 'X509_V_OK' },
    chain: [
      {
        subject: '/CN=a.example',
        sha256: leaf?.sha256,
        pem: leaf?.pem,
        names: 'DNS:a.example, DNS:b.example',
      },
      { subject: '/CN=Issuer' },
    ],
    deadline: /^\d{4}-.*Z$/,
  })
  t.equal(leaf && question.chain[0].spki, leaf && spkiOf(leaf))
  t.notOk('client' in question, 'not who asks, unless the line says so')
})

test('a program that fails, prints too much, or is slow, rejects', async t => {
  const yes = `echo '{"verdict":"accept"}'`
  t.match(await ask(t, `exec cmd=${script(`${yes}; exit 1`)}`), FAILED, 'its status counts')
  t.match(await ask(t, `exec cmd=${script('kill -9 $$')}`), FAILED)
  t.match(await ask(t, `exec cmd=${script('yes')}`), FAILED, 'without end')
  t.match(await ask(t, `exec timeout=300 cmd=${script('sleep 600')}`), FAILED)
  t.match(await ask(t, 'exec cmd=/no/such/program'), FAILED)
  t.strictSame(await ask(t, `exec cmd=${script(yes)}`), ACCEPTED, 'it need not read the question')
  const kit = await openPlugins(t, `exec timeout=300 cmd=${script('echo oops >&2; sleep 600')}`)
  t.match(await (await kit.park({ host: 'a.example' })).ended(), FAILED)
  t.match(await kit.logged(/^ERROR/), /about a\.example: the program has not ended after 300 ms/)
  await kit.logged(/^NOTE \[exec\] .* about a\.example: oops/)
})

test('programs that the program has started end with it', async t => {
  const file = `${dir.path}/late`
  const program = script(`(sleep 1; touch ${file}) &\necho '{"verdict":"accept"}'`)
  t.strictSame(await ask(t, `exec cmd=${program}`), ACCEPTED)
  await sleep(1500)
  t.notOk(existsSync(file))
})

test('a run ends when its client leaves', async t => {
  const begun = `${dir.path}/begun`
  const ended = `${dir.path}/ended`
  const kit = await openPlugins(
    t,
    `exec concurrency=1 cmd=${script(`touch ${begun}; sleep 2; touch ${ended}`)}`,
  )
  const handshake = await kit.park({ host: 'a.example' })
  await poll(() => existsSync(begun), 'the program')
  const waiting = await kit.park({ host: 'b.example' })
  waiting.leave()
  handshake.leave()
  await sleep(2500)
  t.notOk(existsSync(ended))
  t.strictSame(kit.log, [], 'which is no failure')
})

test('at most so many runs at a time as the line says', async t => {
  const lock = `${dir.path}/lock`
  const program = script(`mkdir ${lock} || exit 1\nsleep 0.2\nrmdir ${lock}\necho '{"verdict":"accept"}'`)
  const kit = await openPlugins(t, `exec concurrency=1 cmd=${program}`)
  const all = await Promise.all([...'abcd'].map(name => kit.park({ host: `${name}.example` })))
  for (const one of all) t.strictSame(await one.ended(20_000), ACCEPTED)
})

test('a failed built-in check is overruled only where the line says so', async t => {
  const builtIn = 'X509_V_ERR_CERT_HAS_EXPIRED'
  const cmd = `cmd=${prints('{"verdict":"accept"}')}`
  t.match(await ask(t, `exec ${cmd}`, { builtIn }), rejected('exec', builtIn))
  t.strictSame(await ask(t, `exec overrule=true ${cmd}`, { builtIn }), ACCEPTED)
})

test('the program gets little of the environment', async t => {
  process.env['PORTCULLIS_SECRET'] = 'hush'
  t.teardown(() => delete process.env['PORTCULLIS_SECRET'])
  const program = script(`test -z "$PORTCULLIS_SECRET" && test -n "$PATH" && echo '{"verdict":"accept"}'`)
  t.strictSame(await ask(t, `exec cmd=${program}`), ACCEPTED)
})

atEnd(() => dir.remove())
