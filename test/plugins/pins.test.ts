import { X509Certificate } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { certificatesOf, makeChain } from '../../core/testing/kit.js'
import { toEvidence } from '../../core/testing/origin.js'
import { provenPath, spkiOf } from '../../plugins/certificates/fingerprints.js'
import { atEnd } from '../kit/at-end.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
const host = 'pay.example'
const chain = await makeChain({ names: [host] }, { subject: '/CN=Issuer' })
const stranger = await makeChain({ names: [host] })
const [leaf, issuer] = certificatesOf(chain)
if (leaf === undefined || issuer === undefined) throw new Error('no chain')
const BACKUP = `${'A'.repeat(43)}=`
const missing = rejected('pins', 'untrusted-issuer', 'pay.example shows none of its pinned keys')

let files = 0
const pinFile = (text: string): string => dir.file(`pins-${++files}.yaml`, text)
const pinned = (...spki: string[]): string =>
  pinFile(`pins:\n- host: ${host}\n  spki: [${spki.map(pin => `"${pin}"`).join(', ')}]\n`)

test('a pinned key passes, of the leaf or of an issuer, by key or by certificate', async t => {
  const colons = new X509Certificate(leaf.pem).fingerprint256
  for (const file of [
    pinned(BACKUP, spkiOf(leaf)),
    pinned(spkiOf(issuer), BACKUP),
    pinFile(`pins: [{host: "*.example", sha256: ${leaf.sha256}}]`),
    pinFile(`pins: [{host: PAY.example., sha256: ["${colons}"]}]`),
  ]) {
    const kit = await openPlugins(t, `pins file=${file}`)
    t.strictSame(await (await kit.park({ host, chain })).ended(), ACCEPTED)
    t.match(await (await kit.park({ host, chain: stranger })).ended(), missing)
    t.match(kit.log, [
      /NOTE \[pins\] pay\.example shows none of the pins of pins-\d+\.yaml:\d; it shows \S{43}= \(/,
    ])
    t.strictSame(await (await kit.park({ host: 'a.test', chain: stranger })).ended(), ACCEPTED, 'other hosts')
  }
})

test('report_only writes and accepts, beside an entry that is enforced', async t => {
  const file = pinFile(
    `pins:\n- {host: ${host}, spki: ["${BACKUP}"], report_only: true}\n- {host: ${host}, spki: ["${spkiOf(leaf)}"]}\n`,
  )
  const kit = await openPlugins(t, `pins file=${file}`)
  t.strictSame(await (await kit.park({ host, chain })).ended(), ACCEPTED)
  t.match(kit.log, [/pay\.example shows none of the pins of \S+:2 \(report_only\)/])
  t.match(await (await kit.park({ host, chain: stranger })).ended(), missing)
})

test('the first entry that matches counts', async t => {
  const file = pinFile(`pins: [{host: ${host}, spki: ["${spkiOf(leaf)}"]}, {host: "*", spki: ["${BACKUP}"]}]`)
  const kit = await openPlugins(t, `pins file=${file}`)
  t.strictSame(await (await kit.park({ host, chain })).ended(), ACCEPTED)
  t.match(await (await kit.park({ host: 'a.test', chain })).ended(), rejected('pins', 'untrusted-issuer'))
})

test('a pin overrules nothing', async t => {
  const builtIn = 'X509_V_ERR_CERT_HAS_EXPIRED'
  const kit = await openPlugins(t, `pins file=${pinned(spkiOf(leaf))}`)
  t.match(await (await kit.park({ host, chain, builtIn })).ended(), rejected('pins', builtIn))
})

test('where the signatures do not hold, the leaf alone has a proven key', async t => {
  const evidence = { ...(await toEvidence({ host, chain }, '.')), builtChain: [leaf, issuer] }
  t.strictSame(provenPath(evidence), [leaf, issuer])
  const signature = { ...evidence.checks.signature, ok: false }
  t.strictSame(
    provenPath({ ...evidence, checks: { ...evidence.checks, signature } }),
    evidence.chain.slice(0, 1),
  )
})

test('the file may be edited, and rejects everything while it is wrong', async t => {
  const file = pinned(BACKUP)
  for (const line of [`pins file=${file}`, `pins @isolate=worker file=${file}`]) {
    writeFileSync(file, `pins: [{host: ${host}, spki: ["${BACKUP}"]}]`)
    const kit = await openPlugins(t, line)
    const ask = async () => await (await kit.park({ host, chain })).ended()
    t.match(await ask(), missing)
    writeFileSync(file, `pins: [{host: ${host}, spki: ["${spkiOf(leaf)}"]}]`)
    t.strictSame(await ask(), ACCEPTED)
    writeFileSync(file, 'pins: [{host: pay.exam')
    const broken = rejected('pins', 'internal', `pins-${files}.yaml cannot be used`)
    t.match(await ask(), broken)
    t.match(await ask(), broken)
    t.match((await kit.logged(/^ERROR /)).split('\n')[0], `ERROR [pins] ${file}:1: `)
    t.equal(kit.log.filter(line => line.startsWith('ERROR')).length, 1, 'one line a change')
    rmSync(file)
    t.match(await ask(), broken)
    await kit.logged(/ENOENT.*every handshake is rejected/)
    writeFileSync(file, 'pins: []')
    t.strictSame(await ask(), ACCEPTED)
  }
})

test('acceptances are revoked when the file has changed', async t => {
  const file = pinned(spkiOf(leaf))
  const kit = await openPlugins(t, `pins file=${file}`)
  t.strictSame(await (await kit.park({ host, chain })).ended(), ACCEPTED)
  const revoked = kit.logged(/revoke/)
  writeFileSync(file, 'pins: []')
  await kit.advance(1000)
  t.match(await revoked, /pins/)
})

test('a file that cannot be used stops the start, with its place', async t => {
  for (const [text, message] of [
    ['pins: [{host: a, spki: [short]}]', /:1: pins\[0\]\.spki\[0\] must match pattern/],
    ['pins:\n- host: a\n  spkis: []\n', /:3: pins\[0\] has no key "spkis"/],
    ['pins: [{host: a}]', /:1: pins\[0\]: a has neither spki nor sha256/],
    [`pins: [{host: "a b", spki: ["${BACKUP}"]}]`, /:1: pins\[0\]: "a b" is no host/],
    [`pins: [{host: ä.example, spki: ["${BACKUP}"]}]`, /xn--/],
    [
      `pins:\n- {host: a, spki: ["${BACKUP}"]}\n- {host: A., spki: ["${BACKUP}"]}`,
      /:3: pins\[1\]: A\. is there twice/,
    ],
    ['', /the file must be object/],
    ['pins: [', /:1: /],
  ] as const)
    await t.rejects(
      openPlugins(t, `pins file=${pinFile(text)}`),
      { code: 'PTC_PLUGIN_INIT_FAILED', message },
      text,
    )
  await t.rejects(openPlugins(t, 'pins'), { message: /plugins\/pins\.yaml/ }, 'beside the other files')
})

atEnd(() => dir.remove())
