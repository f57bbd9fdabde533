import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { parseRules } from '../../core/config/rules.js'
import { certificatesOf, makeChain, type Origin } from '../../core/testing/kit.js'
import { spkiOf } from '../../plugins/certificates/fingerprints.js'
import { Notebook } from '../../plugins/learn/notebook.js'
import { merge, nothingSince, seenOnce } from '../../plugins/learn/observed.js'
import { atEnd } from '../kit/at-end.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
let folders = 0
const fresh = (): string => join(dir.path, `learned-${++folders}`)

const a = await makeChain({ names: ['a.example'] }, { subject: '/O=Good CA/CN=1' })
const other = await makeChain({ names: ['a.example'] }, { subject: '/O=Other CA/CN=1' })

/** Of an instance without others. */
const ALONE = { get: async () => undefined, set: async () => {} }

async function kitWith(t: Test, line: string, origins: readonly Origin[]) {
  const kit = await openPlugins(t, line)
  for (const origin of origins) await (await kit.park(origin)).ended()
  const say = async (tag: string, wanted: RegExp): Promise<string> => {
    await kit.tell('TS_LIFECYCLE_MSG_HOOK', { tag, data: undefined })
    return await kit.logged(wanted)
  }
  return { kit, say }
}

async function countIn(folder: string): Promise<number> {
  const { hosts } = await new Notebook(folder).observed()
  return Object.values(hosts).reduce((sum, { count }) => sum + count, 0)
}

for (const isolate of ['', '@isolate=worker '])
  test(`what was seen becomes rules that hold it ${isolate}`, async t => {
    const folder = fresh()
    const alice = { address: '192.0.2.7', user: 'alice' }
    const { kit, say } = await kitWith(t, `learn ${isolate}folder=${folder}`, [
      { host: 'a.example', chain: a, client: alice },
      { host: 'a.example', chain: a, client: { address: '192.0.2.8' } },
      { host: 'a.example', port: 8443, chain: a },
      { host: '2001:db8::1', chain: a },
      { host: 'bad.example', chain: other, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' },
    ])
    if (isolate === '') {
      await say('learn:report', /bad\.example/)
      t.match(kit.log, [
        /^NOTE \[learn\] 4 hosts since 2/,
        /^NOTE \[learn\] a\.example:443 {2}2 handshakes, 2 clients, .*; 1 keys; \/O=Good CA\/CN=1$/,
        /2001:db8::1:443 /,
        /a\.example:8443 /,
        /bad\.example:443 .*1 failed the built-in check \(X509_V_ERR_CERT_HAS_EXPIRED\); 0 keys; no good certificate$/,
      ])
      await say('learn:write', /written: .*policy\.yaml, .*sni\.yaml/)
    } else {
      await say('learn:report', /hosts since/)
      // Each instance writes what it has seen.
      await poll(async () => (await countIn(folder)) === 5, 'five observations')
      await new Notebook(folder).writeRules(ALONE)
    }

    const policy = await openPlugins(t, `policy file=${join(folder, 'policy.yaml')}`)
    const ask = async (origin: Origin) => await (await policy.park(origin)).ended()
    t.strictSame(await ask({ host: 'a.example', chain: a }), ACCEPTED)
    t.strictSame(await ask({ host: 'a.example', port: 8443, chain: a }), ACCEPTED)
    t.strictSame(await ask({ host: '2001:db8::1', chain: a }), ACCEPTED)
    const denied = rejected('policy', 'policy')
    t.match(await ask({ host: 'a.example', chain: other }), denied, 'another issuer')
    t.match(await ask({ host: 'a.example', port: 444, chain: a }), denied, 'another port')
    t.match(await ask({ host: 'b.example', chain: a }), denied, 'another host')
    t.match(await ask({ host: 'bad.example', chain: other }), denied, 'a host that has shown nothing good')

    const sni = readFileSync(join(folder, 'sni.yaml'), 'utf8')
    const [leaf] = certificatesOf(a)
    t.equal(parseRules(sni, 'sni.yaml').length, 2)
    t.ok(
      leaf &&
        sni.includes(
          `fqdn: "a.example"\n    verify_server_policy: ENFORCED\n    verify_server_spki: ["${spkiOf(leaf)}"]`,
        ),
    )
    t.match(sni, /# port 443: [23] handshakes/)
  })

test('in shadow mode it changes nothing, and sees what the built-in check lets pass', async t => {
  const folder = fresh()
  const builtIn = 'X509_V_ERR_CERT_REVOKED'
  const { kit, say } = await kitWith(t, `learn @mode=shadow folder=${folder}`, [])
  const client = { address: '192.0.2.7' }
  t.match((await kit.park({ host: 'a.example', chain: a, client })).outcome, { kind: 'accepted' })
  t.match((await kit.park({ host: 'a.example', chain: a, builtIn })).outcome, {
    kind: 'rejected',
    by: 'built-in',
  })
  t.match(await say('learn:report', /a\.example:443/), /1 handshakes, 1 clients/)
})

test('what was seen outlives a restart, and is shared', async t => {
  const folder = fresh()
  const line = `learn folder=${folder}`
  const { kit } = await kitWith(t, line, [{ host: 'a.example', chain: a }])
  await kit.advance(30_000)
  await poll(async () => (await countIn(folder)) === 1, 'one observation')
  const again = await kitWith(t, line, [{ host: 'a.example', chain: a }])
  const third = await kitWith(t, line, [{ host: 'a.example', chain: a }])
  await again.kit.tell('TS_LIFECYCLE_SHUTDOWN_HOOK', { grace: 0 })
  third.kit.close()
  await poll(async () => (await countIn(folder)) === 3, 'three observations')
})

test('rules that are there already are kept beside', async t => {
  const folder = fresh()
  const { say } = await kitWith(t, `learn folder=${folder}`, [])
  writeFileSync(join(folder, 'policy.yaml'), 'rules: [] # mine\n')
  await say('learn:write', /written/)
  t.equal(readFileSync(join(folder, 'policy.yaml~'), 'utf8'), 'rules: [] # mine\n')
  t.notOk(existsSync(join(folder, 'sni.yaml~')))
  await t.resolves(
    openPlugins(t, `policy file=${join(folder, 'policy.yaml')}`),
    'nothing seen, everything blocked',
  )
})

for (const isolate of ['', '@isolate=worker '])
  test(`instances that are told at the same time keep what a person wrote ${isolate}`, async t => {
    const folder = fresh()
    const hosts = [...'abcdef'].map(name => ({ host: `${name}.example`, chain: a }))
    const { kit } = await kitWith(t, `learn ${isolate}folder=${folder}`, hosts)
    writeFileSync(join(folder, 'policy.yaml'), 'rules: [] # mine\n')
    for (const tag of ['learn:write', 'learn:write'])
      void kit.tell('TS_LIFECYCLE_MSG_HOOK', { tag, data: undefined })
    const wanted = isolate === '' ? 2 : 4
    await poll(() => kit.log.filter(line => line.includes('written: ')).length === wanted, `${wanted} writes`)
    t.equal(readFileSync(join(folder, 'policy.yaml~'), 'utf8'), 'rules: [] # mine\n')
    const policy = readFileSync(join(folder, 'policy.yaml'), 'utf8')
    for (const { host } of hosts) t.match(policy, `host: "${host}"`, 'the last one has the sightings of all')
    t.notMatch(kit.log.join('\n'), 'ERROR')
  })

test('a file that another instance has just made is empty, and no reason to stop', async t => {
  const folder = fresh()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'observed.json'), '')
  const { kit, say } = await kitWith(t, `learn folder=${folder}`, [{ host: 'a.example', chain: a }])
  t.match(await say('learn:report', /a\.example/), /1 handshakes/)
  t.notMatch(kit.log.join('\n'), 'ERROR')
})

test('a file that cannot be used stops the start, and loses nothing later', async t => {
  const folder = fresh()
  const { kit, say } = await kitWith(t, `learn folder=${folder}`, [{ host: 'a.example', chain: a }])
  writeFileSync(join(folder, 'observed.json'), '{')
  await kit.advance(30_000)
  await kit.logged(/ERROR \[learn\] what was seen is not written/)
  await t.rejects(openPlugins(t, `learn folder=${folder}`), {
    code: 'PTC_PLUGIN_INIT_FAILED',
    message: /observed\.json: /,
  })
  writeFileSync(join(folder, 'observed.json'), '[]')
  await t.rejects(openPlugins(t, `learn folder=${folder}`), { message: /observed\.json: .*begin anew/ })
  writeFileSync(join(folder, 'observed.json'), JSON.stringify(nothingSince(0)))
  t.match(await say('learn:report', /a\.example/), /1 handshakes/)
})

test('names that strangers choose do no harm, and memory is bounded', async t => {
  const names = ['__proto__', 'constructor', 'x'.repeat(1000), 'a"]\n- action: allow']
  let all = nothingSince(0)
  for (const [i, name] of names.entries()) {
    const once = seenOnce({
      key: `h${i}:443`,
      at: i,
      issuer: name,
      keyType: 'ec',
      spki: name,
      client: name,
      failure: undefined,
    })
    all = merge(all, { since: 0, hosts: { [`h${i}:443`]: once }, others: 0 })
  }
  t.strictSame(Object.keys(all.hosts['h0:443']?.issuers ?? {}), ['__proto__'])
  t.equal(Object.keys(all.hosts['h2:443']?.issuers ?? {})[0]?.length, 200)
  const folder = fresh()
  const notebook = new Notebook(folder)
  await notebook.open()
  writeFileSync(notebook.file, JSON.stringify(all))
  await notebook.writeRules(ALONE)
  const { kit } = await kitWith(t, `policy file=${join(folder, 'policy.yaml')}`, [])
  t.match(
    await (await kit.park({ host: 'b.example' })).ended(),
    rejected('policy', 'policy'),
    'no rule was smuggled in',
  )
  const many = Array.from(
    { length: 10_005 },
    (_, i) =>
      [
        `h${i}:1`,
        seenOnce({ key: '', at: 1, issuer: 'i', keyType: 'k', spki: 's', client: 'c', failure: undefined }),
      ] as const,
  )
  const full = merge(nothingSince(0), { since: 0, hosts: Object.fromEntries(many), others: 0 })
  t.equal(Object.keys(full.hosts).length, 10_000)
  t.equal(full.others, 5)
})

atEnd(() => dir.remove())
