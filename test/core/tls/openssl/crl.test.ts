/** Revocation lists: which are taken, which are refused and with what words, and what those that are taken do. */
import { type Test, test } from 'tap'
import { liveNatives } from '../../../../core/tls/openssl/owned.js'
import { checkSentChain } from '../../../../core/tls/openssl/sent-chain.js'
import { type Trust, TrustStore } from '../../../../core/tls/openssl/trust-store.js'
import { type Authority, type Issued, makeAuthority } from '../../../kit/pki.js'
import { leafWith, revocationList } from '../../../kit/pki-openssl.js'

const HOST = 'lists.test'
const HOUR = 3_600_000
const REVOKED = 23
const CRL_HAS_EXPIRED = 12
const UNABLE_TO_GET_CRL = 3
const DIFFERENT_CRL_SCOPE = 44

const root = await makeAuthority({ name: 'Root' })
const namesake = await makeAuthority({ name: 'Root', pathLen: 3 })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const leaf = await root.issue({ cn: HOST })
const other = await root.issue({ cn: HOST, serial: '0102' })
const below = await middle.issue({ cn: HOST })

const ago = (hours: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 - hours * HOUR)
const KEY = 'authorityKeyIdentifier=keyid'
const scope = (lines: string): string => `${KEY}\nissuingDistributionPoint=critical,@scope\n[scope]\n${lines}`

function storeOf(pem: string, isLeafOnly = false, more: Partial<Trust> = {}): TrustStore {
  return new TrustStore({ anchors: [root.certPem], crls: { pem, from: 'crl.pem', isLeafOnly }, ...more })
}

function judge(store: TrustStore, { cert }: Pick<Issued, 'cert'>, issuer?: Authority): number {
  const sent = [cert.raw, ...(issuer === undefined ? [] : [issuer.cert.raw])]
  return checkSentChain(store, sent, { host: HOST, isAddress: false }).signature.code
}

/** What becomes of a leaf, as an X509_V_ERR number. */
function outcome(pem: string, of: Pick<Issued, 'cert'>, issuer?: Authority, isLeafOnly = false): number {
  const store = storeOf(pem, isLeafOnly)
  try {
    return judge(store, of, issuer)
  } finally {
    store.free()
  }
}

function refuses(t: Test, pem: string, message: RegExp, what: string, isLeafOnly = false): void {
  t.throws(() => storeOf(pem, isLeafOnly).free(), { code: 'PTC_CRL_UNUSABLE', message }, what)
}

test('a delta list beside a complete one is refused, so that it cannot bring a revoked leaf back', async t => {
  const complete = revocationList(root, [leaf], { thisUpdate: ago(2), extensions: KEY })
  t.equal(outcome(complete, leaf), REVOKED)
  const delta = revocationList(root, [], { extensions: `${KEY}\n2.5.29.27=critical,ASN1:INTEGER:1` })
  const place =
    /^revocation list 2 of crl\.pem, line \d+, of \/O=Portcullis Test\/CN=Root: it is a delta list/
  refuses(t, complete + delta, place, 'with its place and its issuer')
  refuses(t, delta, /^revocation list 1 of crl\.pem, line 1, .* name the complete list instead$/, 'alone')
})

test('lists that are not complete, not in force or not understood are refused', async t => {
  const list = (extensions: string): string => revocationList(root, [], { extensions })
  for (const [pem, message, what] of [
    [list(scope('indirectCRL=TRUE')), /it is an indirect list/, 'indirect'],
    [list(scope('onlysomereasons=keyCompromise')), /it is about some reasons of revocation/, 'reasons'],
    [list(scope('onlyAA=TRUE')), /it is about attribute certificates/, 'attribute certificates'],
    [
      list(`${KEY}\n1.2.3.4=critical,ASN1:NULL`),
      /critical extension 1\.2\.3\.4 is not understood/,
      'critical',
    ],
    [list(`${KEY}\n2.5.29.28=critical,ASN1:NULL`), /its scope .* cannot be read/, 'a broken scope'],
    [list('2.5.29.35=ASN1:NULL'), /the key that signed it .* cannot be read/, 'a broken key'],
    [
      revocationList(root, [leaf], { reason: 'removeFromCRL' }),
      /an entry says removeFromCRL/,
      'an entry that takes back',
    ],
    [
      revocationList(root, [], { thisUpdate: ago(-2), nextUpdate: ago(-4) }),
      /it is not valid before \d{4}-\d\d-\d\dT\S+; check the clock/,
      'not yet',
    ],
    [
      revocationList(root, [], { thisUpdate: ago(4), nextUpdate: ago(2) }),
      /it ended on \d{4}-\d\d-\d\dT\S+; fetch the one in force/,
      'no longer',
    ],
  ] as const) {
    refuses(t, pem, message, what)
    refuses(t, revocationList(middle, []) + pem, /crl\.pem/, `${what}, behind a good one`)
  }
  const whole = revocationList(root, [])
  const cut = whole.slice(0, whole.indexOf('-----END'))
  refuses(t, cut, /no PEM revocation list in crl\.pem/, 'cut off')
  refuses(t, cut + whole, /has no line -----END X509 CRL-----/, 'one that was cut off swallows no other')
  refuses(t, '0\x82', /one in DER becomes PEM with `openssl crl -inform DER`/, 'DER')
  t.match(liveNatives(), { X509_CRL: 0, X509_STORE: 0, X509: 0, ASN1_TIME: 0 })
})

test('a list is signed with a digest that a certificate may be signed with', async t => {
  const rsa = await makeAuthority({ name: 'Signer', keyType: 'rsa-2048' })
  const signed = await rsa.issue({ cn: HOST })
  const pss = (digest: string): readonly string[] => ['rsa_padding_mode:pss', `rsa_mgf1_md:${digest}`]
  const revokes = (pem: string, what: string, issuer = rsa, of = signed): void => {
    const store = storeOf(pem, false, { anchors: [issuer.certPem] })
    t.equal(judge(store, of), REVOKED, what)
    store.free()
  }
  const isWeak = /it is signed with SHA1, which can be forged/
  for (const issuer of [root, rsa])
    refuses(t, revocationList(issuer, [], { digest: 'sha1' }), isWeak, 'SHA-1')
  revokes(revocationList(root, [leaf], { digest: 'sha384' }), 'ECDSA with SHA-384', root, leaf)
  revokes(revocationList(rsa, [signed], { digest: 'sha384' }), 'RSA with SHA-384')
  const weakPss = revocationList(rsa, [], { digest: 'sha1', signing: pss('sha1') })
  refuses(t, weakPss, isWeak, 'RSASSA-PSS that says nothing of a digest')
  revokes(revocationList(rsa, [signed], { signing: pss('sha256') }), 'RSASSA-PSS with SHA-256')
})

test('a list for authorities or leaves is asked about those, and refused where it would never be', async t => {
  const ofAuthorities = revocationList(root, [middle], { extensions: scope('onlyCA=TRUE') })
  const ofLeaves = revocationList(root, [other], { extensions: scope('onlyuser=TRUE') })
  const ofMiddle = revocationList(middle, [])
  t.equal(outcome(ofAuthorities + ofMiddle, below, middle), REVOKED)
  t.not(outcome(ofAuthorities, leaf), 0, 'it says nothing about a leaf')
  t.equal(outcome(ofLeaves, leaf, undefined, true), 0)
  t.equal(outcome(ofLeaves, other, undefined, true), REVOKED)
  t.not(outcome(ofLeaves + ofMiddle, below, middle), 0, 'nor this about an authority')
  t.equal(outcome(ofLeaves + ofAuthorities, other), REVOKED, 'together')
  refuses(t, ofAuthorities, /it is about authorities, and verify_server_crl_depth LEAF/, 'LEAF', true)
})

test('a list of a distribution point is asked about certificates that name it, and no others', async t => {
  const at = (lines: string): Issued['cert'] => leafWith(root, HOST, `subjectAltName=DNS:${HOST}\n${lines}`)
  const first = at('crlDistributionPoints=URI:http://a.test/1.crl')
  const second = at('crlDistributionPoints=URI:http://a.test/2.crl')
  const nameless = at('crlDistributionPoints=p\n[p]\nCRLissuer=dirName:d\n[d]\nO=Portcullis Test\nCN=Root')
  const list = (number: number, revoked: readonly { cert: Issued['cert'] }[]): string =>
    revocationList(root, revoked, { extensions: scope(`fullname=URI:http://a.test/${number}.crl`) })
  const one = list(1, [])
  const both = one + list(2, [{ cert: second }])
  for (const [pem, cert, code] of [
    [one, first, 0],
    [one, second, DIFFERENT_CRL_SCOPE],
    [one, leaf.cert, DIFFERENT_CRL_SCOPE],
    [both, first, 0],
    [both, second, REVOKED],
    [both, nameless, DIFFERENT_CRL_SCOPE],
    [revocationList(root, []), nameless, 0],
    [revocationList(root, [{ cert: nameless }]), nameless, REVOKED],
  ] as const)
    t.equal(outcome(pem, { cert }, undefined, true), code)
  t.not(outcome(one + revocationList(root, []), { cert: nameless }), 0, 'a guess is no answer')
})

test('the signer of a list is known when it is loaded, if it is a trust anchor', async t => {
  const forged = revocationList(namesake, [])
  refuses(
    t,
    forged,
    /not signed with the key of the trust anchor of that name/,
    'a namesake that names no key',
  )
  const both = { anchors: [root.certPem, namesake.certPem] }
  storeOf(forged, false, both).free()
  t.pass('it is good where the namesake is trusted')
  const named = revocationList(namesake, [], { extensions: KEY })
  t.not(outcome(named, leaf), 0, 'one that names another key is kept for another authority of that name')
  t.equal(outcome(named + revocationList(root, [leaf], { extensions: KEY }), leaf), REVOKED, 'and hides none')
  t.equal(outcome(revocationList(middle, []), leaf), UNABLE_TO_GET_CRL, 'another authority says nothing')
})

test('the younger of two lists counts, whatever their order', async t => {
  const hourAgo = ago(1) // one moment: a second may end between two lists
  const old = revocationList(root, [leaf], { thisUpdate: ago(3), extensions: KEY })
  const young = revocationList(root, [other], { thisUpdate: hourAgo, extensions: KEY })
  for (const pem of [old + young, young + old]) {
    t.equal(outcome(pem, leaf), 0)
    t.equal(outcome(pem, other), REVOKED)
  }
  t.equal(outcome(young + young, other), REVOKED, 'twice the same is once')
  const same = revocationList(root, [leaf], { thisUpdate: hourAgo, extensions: KEY })
  refuses(t, young + same, /^revocation list 2 .* of the same moment and differs; remove one$/, 'no guess')
})

test('a list that ends while the program runs ends what rests on it', async t => {
  const nextUpdate = new Date(Math.floor(Date.now() / 1000) * 1000 + 6000)
  const ending = revocationList(root, [], { extensions: KEY, nextUpdate })
  const store = storeOf(ending + revocationList(middle, []))
  t.teardown(() => store.free())
  t.equal(store.endsAt, nextUpdate.getTime(), 'the first end of all')
  t.equal(judge(store, leaf), 0)
  await new Promise(resolve => setTimeout(resolve, nextUpdate.getTime() + 1100 - Date.now()))
  t.equal(judge(store, leaf), CRL_HAS_EXPIRED, 'a chain that was found good is verified again')
})
