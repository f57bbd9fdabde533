import { X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { createAuthority, readAuthority } from '../../../../core/tls/inbound/authority.js'
import { Mint, mintLeaf } from '../../../../core/tls/inbound/mint.js'
import { startChild } from '../../../kit/child.js'
import { makeAuthority } from '../../../kit/pki.js'
import { makeTempDir } from '../../../kit/temp-dir.js'

const own = async () => readAuthority(await createAuthority('Test CA'), 'test')

/** What `openssl verify` says of a leaf, as the name of a server. */
async function verify(rootPem: string, leafPem: string, ...args: string[]): Promise<string> {
  const dir = makeTempDir()
  const child = await startChild('openssl', [
    ...['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', dir.file('root.pem', rootPem)],
    ...['-untrusted', dir.file('chain.pem', leafPem), ...args, dir.file('leaf.pem', leafPem)],
  ])
  await child.exited()
  dir.remove()
  return child.stdout() + child.stderr()
}

test('openssl accepts the leaves of our authority, strictly', async t => {
  const files = await createAuthority('Test CA, with a comma')
  const authority = await readAuthority(files, 'test')
  for (const [host, flag] of [
    ['www.example.com', '-verify_hostname'],
    ['127.0.0.1', '-verify_ip'],
    ['::1', '-verify_ip'],
    [`${'a'.repeat(60)}.example.com`, '-verify_hostname'],
  ] as const) {
    const { certPem, keyPem } = await mintLeaf(authority, host)
    t.match(await verify(files.certPem, certPem, flag, host), /leaf\.pem: OK/, host)
    t.match(keyPem, /^-----BEGIN PRIVATE KEY-----/)
  }
})

test('a leaf is for the one name, for a few days', async t => {
  const { certPem } = await mintLeaf(await own(), 'www.example.com')
  const leaf = new X509Certificate(certPem)
  t.equal(leaf.subjectAltName, 'DNS:www.example.com')
  t.equal(leaf.subject, 'CN=www.example.com')
  t.equal(leaf.ca, false)
  t.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  const days = (Date.parse(leaf.validTo) - Date.now()) / 86_400_000
  t.ok(days > 2 && days < 4, `${days} days`)
  t.ok(Date.parse(leaf.validFrom) < Date.now() - 3_600_000, 'also for a clock that is behind')
  t.match(leaf.serialNumber, /^[4-7][0-9A-F]{31}$/)
})

test('no two leaves share a key or a serial number', async t => {
  const authority = await own()
  const leaves = await Promise.all(
    ['a.example', 'a.example', 'b.example'].map(host => mintLeaf(authority, host)),
  )
  const certs = leaves.map(({ certPem }) => new X509Certificate(certPem))
  t.equal(new Set(certs.map(({ serialNumber }) => serialNumber)).size, 3)
  t.equal(new Set(leaves.map(({ keyPem }) => keyPem)).size, 3)
})

test('a leaf is kept for the next client, as long as there is room', async t => {
  let made = 0
  const mint = new Mint(await own(), () => ++made, 2)
  t.strictSame(await Promise.all([mint.leafFor('a.example', ''), mint.leafFor('a.example', '')]), [1, 1])
  await mint.leafFor('b.example', '')
  await mint.leafFor('c.example', '')
  t.equal(await mint.leafFor('a.example', ''), 4, 'the oldest has gone')
})

test('a client that asks for many names takes turns with others', async t => {
  const order: string[] = []
  const mint = new Mint(await own(), leaf => order.push(new X509Certificate(leaf.certPem).subject))
  const many = ['1', '2', '3', '4'].map(name => mint.leafFor(`${name}.example`, 'many'))
  await Promise.all([...many, mint.leafFor('other.example', 'other')])
  t.strictSame(order, ['CN=1.example', 'CN=2.example', 'CN=other.example', 'CN=3.example', 'CN=4.example'])
})

test('one client with many names pushes out no leaf of another', async t => {
  let made = 0
  const mint = new Mint(await own(), () => ++made, 4)
  t.equal(await mint.leafFor('mine.example', 'other'), 1)
  for (const i of [1, 2, 3, 4, 5, 6]) await mint.leafFor(`${i}.example`, 'many')
  t.equal(await mint.leafFor('mine.example', 'other'), 1)
  t.equal(mint.known('1.example', 'many'), undefined, 'it pushes out its own')
})

test('clients of different networks wait for their own turns, also for the same name', async t => {
  let made = 0
  const mint = new Mint(await own(), () => ++made)
  const many = ['1', '2', '3', '4', 'popular'].map(name => mint.leafFor(`${name}.example`, 'many'))
  t.equal(await mint.leafFor('popular.example', 'other'), 3, 'in its turn: the third one that was minted')
  await Promise.all(many)
  t.equal(made, 5, 'and none is minted twice')
})

test('a leaf is not kept longer than its authority lives', async t => {
  const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000)
  const root = await makeAuthority({ name: 'Ends soon', notAfter })
  let made = 0
  const mint = new Mint(await readAuthority(root, 'test'), leaf => {
    made++
    return new X509Certificate(leaf.certPem)
  })
  const leaf = await mint.leafFor('a.example', '')
  t.equal(Date.parse(leaf.validTo), notAfter.getTime())
  t.equal(await mint.leafFor('a.example', ''), leaf)
  await sleep(notAfter.getTime() - Date.now() + 20)
  await t.rejects(mint.leafFor('a.example', ''), { code: 'PTC_TLS_CONTEXT', message: /expired on/ })
  t.equal(made, 1)
})

test('an authority may lack the keyUsage extension', async t => {
  const { certPem, keyPem } = await makeAuthority({ name: 'Plain', keyUsage: [] })
  t.ok(await readAuthority({ certPem, keyPem }, 'test'))
})

test('RSA and EC authorities of operators can issue leaves', async t => {
  const root = await makeAuthority({ name: 'Their root', keyType: 'rsa-2048' })
  const below = await makeAuthority({ name: 'Their proxies', keyType: 'ec-384', parent: root })
  for (const [what, { certPem, keyPem }] of Object.entries({ root, below })) {
    const leaf = await mintLeaf(await readAuthority({ certPem, keyPem }, 'test'), 'www.example.com')
    t.match(await verify(root.certPem, leaf.certPem), /leaf\.pem: OK/, what)
    const sent = leaf.certPem.match(/BEGIN CERTIFICATE/g)?.length
    t.equal(sent, what === 'root' ? 1 : 2, 'a root is not sent, an authority below it is')
  }
})

test('what stands behind the authority in its file is sent with each leaf', async t => {
  const root = await makeAuthority({ name: 'Far root', keyType: 'rsa-2048' })
  const middle = await makeAuthority({ name: 'Middle', parent: root })
  const below = await makeAuthority({ name: 'Proxies below', parent: middle })
  for (const [what, issuers, count] of [
    ['the issuer', middle.certPem, 3],
    ['the issuer and the root', middle.certPem + root.certPem, 4],
  ] as const) {
    const files = { certPem: below.certPem + issuers, keyPem: below.keyPem }
    const leaf = await mintLeaf(await readAuthority(files, 'test'), 'www.example.com')
    t.match(await verify(root.certPem, leaf.certPem), /leaf\.pem: OK/, what)
    t.equal(leaf.certPem.match(/BEGIN CERTIFICATE/g)?.length, count)
  }
  const alone = await mintLeaf(await readAuthority(below, 'test'), 'www.example.com')
  t.match(await verify(root.certPem, alone.certPem), /unable to get/, 'without them clients lack an issuer')
})

test('a file whose certificates do not belong together is refused with the reason', async t => {
  const root = await makeAuthority({ name: 'Root of files' })
  const middle = await makeAuthority({ name: 'Middle of files', parent: root })
  const below = await makeAuthority({ name: 'Proxies of files', parent: middle })
  const other = await makeAuthority({ name: 'Stranger' })
  /** With the issuer's name, and another key. */
  const alike = await makeAuthority({ name: 'Middle of files', parent: other })
  const narrow = await makeAuthority({ name: 'Narrow', pathLen: 0 })
  const belowNarrow = await makeAuthority({ name: 'Below narrow', parent: narrow })
  const old = await makeAuthority({ name: 'Old root', notAfter: new Date(Date.now() - 1000) })
  const belowOld = await makeAuthority({ name: 'Below old', parent: old })
  const leaf = await root.issue({ cn: 'leaf' })
  const pems = (...all: { certPem: string }[]): string => all.map(({ certPem }) => certPem).join('')
  const cases: Record<string, [cert: string, key: string, says: RegExp]> = {
    'the root first': [
      pems(root, middle, below),
      below.keyPem,
      /the key does not belong .*, but to certificate 3 of the file/,
    ],
    'the root in the middle': [
      pems(below, root, middle),
      below.keyPem,
      /here: certificate 2 \(.*Root of files.*\) has issued none/,
    ],
    'a stranger behind it': [
      pems(below, middle, other),
      below.keyPem,
      /certificate 3 \(.*Stranger.*\) has issued none/,
    ],
    'a namesake of the issuer': [pems(below, alike), below.keyPem, /certificate 2 .* has issued none/],
    'an issuer of leaves only': [
      pems(belowNarrow, narrow),
      belowNarrow.keyPem,
      /certificate 2 .*pathLenConstraint 0/,
    ],
    'an expired issuer': [
      pems(belowOld, old),
      belowOld.keyPem,
      /here: certificate 2: the certificate expired on/,
    ],
    'a leaf behind it': [
      pems(below, leaf),
      below.keyPem,
      /certificate 2: the certificate is not that of an authority/,
    ],
    'a certificate that cannot be read': [
      `${below.certPem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      below.keyPem,
      /here: no certificate/,
    ],
  }
  for (const [what, [certPem, keyPem, says]] of Object.entries(cases))
    await t.rejects(
      readAuthority({ certPem, keyPem }, 'here'),
      { code: 'PTC_TLS_CONTEXT', message: says },
      what,
    )
})

test('a certificate that cannot issue others is refused with the reason', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const other = await makeAuthority({ name: 'Other' })
  const leaf = await root.issue({ cn: 'leaf' })
  const old = await makeAuthority({ name: 'Old', notAfter: new Date(Date.now() - 1000) })
  const noSigner = await makeAuthority({ name: 'No signer', keyUsage: ['cRLSign'] })
  const early = await makeAuthority({ name: 'Early', notBefore: new Date(Date.now() + 86_400_000) })
  const cases: Record<string, [cert: string, key: string, says: RegExp]> = {
    'of another key': [root.certPem, other.keyPem, /the key does not belong to the certificate/],
    'a leaf': [leaf.certPem, leaf.keyPem, /not that of an authority/],
    'one that may not sign': [noSigner.certPem, noSigner.keyPem, /keyUsage does not let it issue/],
    'one of tomorrow': [early.certPem, early.keyPem, /not valid before/],
    'an expired one': [old.certPem, old.keyPem, /expired on/],
    'no certificate': ['-', root.keyPem, /no certificate/],
    'no key': [root.certPem, root.certPem, /no private key/],
  }
  for (const [what, [certPem, keyPem, says]] of Object.entries(cases)) {
    await t.rejects(
      readAuthority({ certPem, keyPem }, 'here'),
      { code: 'PTC_TLS_CONTEXT', message: says },
      what,
    )
  }
})
