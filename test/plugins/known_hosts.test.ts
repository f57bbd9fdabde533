import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { certificatesOf, makeChain } from '../../core/testing/kit.js'
import { spkiOf } from '../../plugins/certificates/fingerprints.js'
import { atEnd } from '../kit/at-end.js'
import { startChild } from '../kit/child.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
const host = 'a.example'
const [first, second] = [await makeChain({ names: [host] }), await makeChain({ names: [host] })]
const spkiIn = (pem: string): string => certificatesOf(pem).map(spkiOf)[0] ?? ''
const [FIRST, SECOND] = [spkiIn(first), spkiIn(second)]

let files = 0
const fresh = (): string => `${dir.path}/known-${++files}`
const given = (text: string): string => dir.file(`known-${++files}`, text)
const linesOf = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))

for (const isolate of ['', '@isolate=worker ']) {
  test(`the first key of a host is remembered, and a change is rejected ${isolate}`, async t => {
    const file = fresh()
    const kit = await openPlugins(t, `known_hosts ${isolate}file=${file}`)
    const ask = async (chain: string, more = {}) => await (await kit.park({ host, chain, ...more })).ended()
    t.strictSame(await ask(first), ACCEPTED)
    t.match(linesOf(file), [/^a\.example \S{44} \d{4}-.*Z \/CN=a\.example issued by .*Test Root$/])
    t.strictSame(await ask(first), ACCEPTED)
    const { detail = '' } = await ask(second)
    t.match(detail, 'a.example has changed its key; old ')
    t.ok(detail.includes(`${FIRST} (line 4, seen 2`) && detail.endsWith(`new ${SECOND}`), detail)
    t.match(await kit.logged(/has changed its key/), `Old: ${FIRST}`)
    t.strictSame(await ask(second, { port: 8443 }), ACCEPTED, 'another port is another host')
    t.equal(linesOf(file).length, 2, 'a rejected key is not written')
  })

  test(`first uses of one host at the same time are one ${isolate}`, async t => {
    const file = fresh()
    const kits = await Promise.all([1, 2].map(() => openPlugins(t, `known_hosts ${isolate}file=${file}`)))
    const chains = await Promise.all([1, 2, 3, 4].map(() => makeChain({ names: [host] })))
    const asked = await Promise.all(kits.flatMap(kit => chains.map(chain => kit.park({ host, chain }))))
    const outcomes = await Promise.all(asked.map(one => one.ended()))
    const [line = '', ...more] = linesOf(file)
    t.strictSame(more, [], 'one line')
    const good = chains.map(chain => (line.includes(spkiIn(chain)) ? 'accepted' : 'rejected'))
    t.strictSame(
      outcomes.map(({ kind }) => kind),
      [...good, ...good],
    )
    const others = await Promise.all([...'bcdefgh'].map(name => kits[0]?.park({ host: `${name}.example` })))
    for (const one of others) t.match(await one?.ended(), ACCEPTED)
    t.equal(linesOf(file).length, 8)
    t.notOk(existsSync(`${file}.lock`))
  })

  test(`the file may be edited while the proxy runs ${isolate}`, async t => {
    const file = given(`# mine\na.example ${SECOND}`)
    const kit = await openPlugins(t, `known_hosts ${isolate}file=${file}`)
    const ask = async (chain = first, name = host) => await (await kit.park({ host: name, chain })).ended()
    t.match(await ask(), rejected('known_hosts', 'untrusted-issuer'))
    writeFileSync(file, `# mine\na.example ${SECOND}\nA.EXAMPLE. ${FIRST} the new one`)
    t.strictSame(await ask(), ACCEPTED)
    t.strictSame(await ask(second), ACCEPTED, 'several keys of a host')
    t.strictSame(await ask(first, 'b.example'), ACCEPTED)
    t.match(readFileSync(file, 'utf8'), /^# mine\n.*\nA\.EXAMPLE\. \S+ the new one\nb\.example \S+ 2.*\n$/)
    writeFileSync(file, 'a.example no key')
    t.match(await ask(), rejected('known_hosts', 'internal', `known-${files} cannot be used`))
    rmSync(file)
    t.match(await ask(), rejected('known_hosts', 'internal'), 'a file that has gone is not made anew')
    t.notOk(existsSync(file))
  })
}

test('processes that write one file lose nothing', async t => {
  const file = given('# mine\n')
  const writer = fileURLToPath(new URL('../kit/known-hosts-writer.js', import.meta.url))
  const writers = await Promise.all(
    [...'ab'].map(name => startChild(process.execPath, [writer, file, name, '25'])),
  )
  for (const child of writers) t.teardown(child.stop)
  for (const child of writers) t.equal(await child.exited(60_000), 0, child.stderr())
  const lines = linesOf(file)
  t.equal(new Set(lines.map(line => line.split(' ')[0])).size, 75)
  t.equal(lines.length, 75, 'a line each')
  const told = writers.map(child => child.stdout().trim().split('\n'))
  t.strictSame(told[0], told[1], 'both have the key that was written')
  for (const one of told[0] ?? [])
    t.ok(
      lines.some(line => line.startsWith(`${one} `)),
      one,
    )
  t.match(readFileSync(file, 'utf8'), /^# mine\n/)
})

test('strict takes no host that is not in the file', async t => {
  const file = given(
    `a.example ${FIRST}\n[2001:db8:0::1]:8443 ${FIRST}\n2001:db8::2 ${FIRST}\nb.example:444 ${FIRST}\n`,
  )
  const kit = await openPlugins(t, `known_hosts mode=strict file=${file}`)
  const ask = async (name: string, port = 443) =>
    await (await kit.park({ host: name, port, chain: first })).ended()
  for (const [name, port] of [
    [host, 443],
    ['2001:db8::1', 8443],
    ['2001:db8::2', 443],
    ['b.example', 444],
  ] as const)
    t.strictSame(await ask(name, port), ACCEPTED, name)
  t.match(await ask('b.example'), rejected('known_hosts', 'unknown', `b.example is not in known-${files}`))
  t.match(kit.log, [
    `NOTE [known_hosts] b.example is not in known-${files}; its line would be: b.example ${FIRST}`,
  ])
  await t.rejects(openPlugins(t, `known_hosts mode=strict file=${fresh()}`), { message: /ENOENT/ })
})

test('a failed built-in check is not overruled, and nothing is remembered', async t => {
  const file = fresh()
  const kit = await openPlugins(t, `known_hosts file=${file}`)
  const builtIn = 'X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT'
  t.match(await (await kit.park({ host, builtIn })).ended(), rejected('known_hosts', builtIn))
  t.strictSame(linesOf(file), [])
})

test('a host whose first use cannot be written is rejected', async t => {
  const file = fresh()
  const kit = await openPlugins(t, `known_hosts file=${file}`)
  writeFileSync(`${file}.lock`, 'another process')
  t.match(
    await (await kit.park({ host })).ended(20_000),
    rejected('known_hosts', 'internal', `a.example is new, and known-${files} could not be written`),
  )
  const old = new Date(Date.now() - 60_000)
  utimesSync(`${file}.lock`, old, old)
  t.strictSame(await (await kit.park({ host })).ended(), ACCEPTED, 'a lock of a dead process is taken away')
})

test('an acceptance is revoked when its key has left the file', async t => {
  const file = given(`a.example ${FIRST}\nb.example:444 ${SECOND}`)
  const kit = await openPlugins(t, `known_hosts file=${file}`)
  writeFileSync(file, `a.example ${FIRST}\nb.example:444 ${FIRST}`)
  const revoked = kit.logged(/revoke/)
  await kit.advance(1000)
  t.match(await revoked, /b\.example/)
  t.notMatch(kit.log.join(), 'a.example')
})

test('a file with mistakes stops the start, with every line', async t => {
  const file = given(`a.example short\n# b\n*.example ${FIRST}\na.example:0 ${FIRST}\nä.example ${FIRST}`)
  const starting = openPlugins(t, `known_hosts file=${file}`)
  await t.rejects(starting, { code: 'PTC_PLUGIN_INIT_FAILED', message: /:1: .*\n.*:3: .*\n.*:4: .*\n.*:5: / })
})

atEnd(() => dir.remove())
