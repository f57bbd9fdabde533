/** Revocation lists by `openssl ca`: what counts as an answer, and what does not. */
import { test } from 'tap'
import { makeAuthority } from '../kit/pki.js'
import { revocationList } from '../kit/pki-openssl.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, rejected } from './kit.js'
import {
  HOST,
  hours,
  leafOf,
  listOf,
  openRevocation,
  root,
  sends,
  startSource,
  withList,
} from './revocation-kit.js'

const REVOKED = rejected('revocation', 'revoked')
const FAILED = rejected('revocation', 'internal')

for (const isolate of ['', '@isolate=worker'])
  test(`a list says what is revoked, and is fetched once ${isolate}`, async t => {
    const source = await startSource(t)
    const [good, bad] = [leafOf(withList(`${source.url}/list`)), leafOf(withList(`${source.url}/list`))]
    source.answers['/list'] = sends(listOf(root, [bad], { reason: 'keyCompromise' }))
    const { ask } = await openRevocation(t, '', isolate)
    t.match(await ask(good.chain), ACCEPTED)
    const why = await ask(bad.chain)
    t.match(why, REVOKED)
    t.match(
      why.detail,
      `${HOST}: revoked on 2025-01-01T00:00:00.000Z (keyCompromise), says ${source.url}/list`,
    )
    t.equal((await ask(good.chain)).kind, 'accepted')
    // In workers there are two instances, each with its own memory.
    t.ok(source.asked.length <= (isolate === '' ? 1 : 2))
  })

test('a list of many entries by openssl is read whole', async t => {
  const source = await startSource(t)
  const good = leafOf(withList(`${source.url}/list`))
  const bad = leafOf(withList(`${source.url}/list`))
  const others = Array.from({ length: 30_000 }, (_, i) => ({
    cert: { serialNumber: (0x100000 + i * 7).toString(16).toUpperCase() } as typeof bad.cert,
  }))
  source.answers['/list'] = sends(listOf(root, [...others, bad], { reason: 'superseded' }))
  const { ask } = await openRevocation(t)
  t.match(await ask(good.chain), ACCEPTED)
  t.match(await ask(bad.chain), REVOKED)
})

test('a list that takes long is mentioned while it comes, and when it is here', async t => {
  const source = await startSource(t)
  const good = leafOf(withList(`${source.url}/list`))
  let come = (): void => {}
  const asked = new Promise<void>(resolve => {
    source.answers['/list'] = (...given) => {
      come = () => sends(listOf(root, []))(...given)
      resolve()
    }
  })
  const { kit, ask } = await openRevocation(t, 'timeout=50000')
  const verdict = ask(good.chain)
  await asked
  await kit.advance(4000)
  t.notMatch(kit.log.join(), 'is being fetched')
  for (let i = 0; i < 2; i++) {
    await kit.advance(5000)
    t.match(
      await kit.logged(/is being fetched/),
      /NOTE .*the list http:\S+\/list is being fetched: for \d+ s so far, 60 s at most/,
    )
  }
  t.equal(kit.log.filter(line => /is being fetched/.test(line)).length, 2)
  come()
  t.match(await verdict, ACCEPTED)
  t.match(await kit.logged(/is here/), /the list http:\S+ is here: 0\.0 MB in \d+ s/)
  await kit.advance(5000)
  t.equal(kit.log.filter(line => /is being fetched/.test(line)).length, 2, 'and no more')
})

test('without an answer fail= decides, without a source none=', async t => {
  const source = await startSource(t, { '/down': response => response.writeHead(503).end() })
  const down = leafOf(withList(`${source.url}/down`)).chain
  const without = leafOf('basicConstraints=CA:FALSE').chain
  const hard = await openRevocation(t)
  const why = await hard.ask(down)
  t.match(why, FAILED)
  t.match(why.detail, `${HOST}: no answer about revocation: ${source.url}/down: status 503`)
  t.match(await hard.ask(without), ACCEPTED)
  const other = await openRevocation(t, 'fail=soft none=reject')
  t.match(await other.ask(down), ACCEPTED)
  t.match(await other.ask(without), rejected('revocation', 'unknown'))
})

test('a list counts only for what it covers, and while it is in force', async t => {
  const source = await startSource(t)
  const at = `${source.url}/list`
  const leaf = leafOf(withList(at))
  const other = await makeAuthority({ name: 'Revocation Other' })
  const namesake = await makeAuthority({ name: 'Revocation Root', serial: '0102' })
  const scope = (fields: string) => ({ extensions: `issuingDistributionPoint=critical,@s\n[s]\n${fields}` })
  const good = listOf(root, [])
  const forged = Buffer.from(good)
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  const CASES: readonly (readonly [string, Buffer, RegExp | 'accepted'])[] = [
    ['its own point', listOf(root, [], scope(`fullname=URI:${at}`)), 'accepted'],
    ['leaves', listOf(root, [], scope('onlyuser=TRUE')), 'accepted'],
    ['another point', listOf(root, [], scope(`fullname=URI:${at}2`)), /of another distribution point/],
    ['authorities', listOf(root, [], scope('onlyCA=TRUE')), /about authorities, and this is a leaf/],
    ['attributes', listOf(root, [], scope('onlyAA=TRUE')), /about attribute certificates/],
    ['some reasons', listOf(root, [], scope('onlysomereasons=keyCompromise')), /some reasons/],
    ['several issuers', listOf(root, [], scope('indirectCRL=TRUE')), /indirect list/],
    ['a delta', listOf(root, [], { extensions: '2.5.29.27=critical,ASN1:INTEGER:1' }), /delta list/],
    ['the unknown', listOf(root, [], { extensions: '1.2.3.4=critical,ASN1:NULL' }), /1\.2\.3\.4 is not/],
    ['the past', listOf(root, [], { thisUpdate: hours(-3), nextUpdate: hours(-1) }), /it ended on/],
    ['the future', listOf(root, [], { thisUpdate: hours(1), nextUpdate: hours(3) }), /it begins on/],
    ['another authority', listOf(other, []), /of another authority/],
    ['a namesake', listOf(namesake, []), /not signed with the key of the issuer/],
    ['a weak digest', listOf(root, [], { digest: 'sha1' }), /weak or not supported/],
    ['a forger', forged, /not signed with the key|not the DER/],
    ['a cut', good.subarray(0, -20), /not the DER/],
    ['PEM', Buffer.from(revocationList(root, [])), /not the DER/],
    ['nothing', Buffer.alloc(0), /not the DER/],
  ]
  for (const [what, list, wanted] of CASES) {
    source.answers['/list'] = sends(list)
    const { ask } = await openRevocation(t)
    const { kind, detail } = await ask(leaf.chain)
    if (wanted === 'accepted') t.equal(kind, 'accepted', what)
    else t.match({ kind, detail }, { kind: 'rejected', detail: wanted }, what)
  }
})

test('a list by RSA and one by RSASSA-PSS are read', async t => {
  const source = await startSource(t)
  const rsa = await makeAuthority({ name: 'Revocation RSA', keyType: 'rsa-2048' })
  const [one, two] = [leafOf(withList(`${source.url}/1`), rsa), leafOf(withList(`${source.url}/2`), rsa)]
  source.answers['/1'] = sends(listOf(rsa, [one]))
  source.answers['/2'] = sends(listOf(rsa, [two], { signing: ['rsa_padding_mode:pss'], digest: 'sha384' }))
  const { ask } = await openRevocation(t)
  t.match(await ask(one.chain), REVOKED)
  t.match(await ask(two.chain), REVOKED)
})

test('max_age= bounds the age of a list', async t => {
  const source = await startSource(t)
  const { chain } = leafOf(withList(`${source.url}/list`))
  source.answers['/list'] = sends(listOf(root, [], { thisUpdate: hours(-2), nextUpdate: hours(20) }))
  t.match(await (await openRevocation(t, 'max_age=3h')).ask(chain), ACCEPTED)
  t.match(await (await openRevocation(t, 'max_age=1h')).ask(chain), FAILED)
})

test('depth=chain asks about issuers, too', async t => {
  const source = await startSource(t)
  source.answers['/root'] = sends(listOf(root, []))
  const { chain } = leafOf(withList(`${source.url}/root`))
  const { ask } = await openRevocation(t, 'depth=chain none=reject')
  t.match(await ask(chain), ACCEPTED, 'nothing is asked about an anchor')
  const middle = await makeAuthority({ name: 'Revocation Middle', parent: root })
  source.answers['/middle'] = sends(listOf(middle, []))
  const long = leafOf(withList(`${source.url}/middle`), middle).certPem + middle.certPem + root.certPem
  t.match(await ask(long), rejected('revocation', 'unknown'), 'the issuer names no source')
  t.match(await (await openRevocation(t, 'none=reject')).ask(long), ACCEPTED)
})

test('lists are kept on disk, and checked when they are read', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const source = await startSource(t)
  const { chain } = leafOf(withList(`${source.url}/list`))
  source.answers['/list'] = sends(listOf(root, []))
  const first = await openRevocation(t, `cache_dir=${dir.path}/cache`)
  t.match(await first.ask(chain), ACCEPTED)
  t.equal(source.asked.length, 1)
  const second = await openRevocation(t, `cache_dir=${dir.path}/cache`)
  t.match(await second.ask(chain), ACCEPTED)
  t.equal(source.asked.length, 1, 'from the disk')
  const { readdirSync, writeFileSync } = await import('node:fs')
  const [file = ''] = readdirSync(`${dir.path}/cache`)
  const other = await makeAuthority({ name: 'Revocation Root', serial: '0103' })
  writeFileSync(`${dir.path}/cache/${file}`, listOf(other, []))
  const third = await openRevocation(t, `cache_dir=${dir.path}/cache`)
  t.match(await third.ask(chain), ACCEPTED)
  t.equal(source.asked.length, 2, 'a forged file is no answer, and the source is asked')
})
