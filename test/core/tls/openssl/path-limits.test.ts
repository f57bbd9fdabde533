import { test } from 'tap'
import { excludesSome } from '../../../../core/tls/judge/name-constraints.js'
import { checkSentChain } from '../../../../core/tls/openssl/sent-chain.js'
import { type Trust, TrustStore } from '../../../../core/tls/openssl/trust-store.js'
import { certificateShape, der, sequence } from '../../../kit/der.js'
import { type Authority, type Issued, makeAuthority } from '../../../kit/pki.js'
import { leafWith } from '../../../kit/pki-openssl.js'

const root = await makeAuthority({ name: 'Root' })

/** The result for the chain and, behind a slash, for the name. */
function codes(
  chain: readonly Pick<Issued, 'cert'>[],
  host = 'origin.test',
  trust: Partial<Trust> = {},
): string {
  const store = new TrustStore({ anchors: [root.certPem], ...trust })
  try {
    const sent = chain.map(({ cert }) => cert.raw)
    const { signature, name } = checkSentChain(store, sent, { host, isAddress: /^[\d.]+$/.test(host) })
    return `${signature.code} at ${signature.depth} / ${name.code}`
  } finally {
    store.free()
  }
}

const constrained = (nameConstraints: { permitted?: string[]; excluded?: string[] }): Promise<Authority> =>
  makeAuthority({ name: 'Constrained', parent: root, nameConstraints })

test('keys have the documented size, anywhere in the path', async t => {
  const weak = { keyType: 'rsa-1984' } as const
  t.equal(codes([await root.issue({ cn: 'origin.test', ...weak })]), '66 at 0 / 0', 'the leaf')
  const middle = await makeAuthority({ name: 'Weak Middle', parent: root, ...weak })
  t.equal(codes([await middle.issue({ cn: 'origin.test' }), middle]), '67 at 1 / 0', 'an authority')
  const anchor = await makeAuthority({ name: 'Weak Root', ...weak })
  const below = [await anchor.issue({ cn: 'origin.test' })]
  t.equal(codes(below, 'origin.test', { anchors: [anchor.certPem] }), '67 at 1 / 0', 'the anchor')
  for (const keyType of ['rsa-2048', 'ec', 'ec-384'] as const)
    t.equal(codes([await root.issue({ cn: 'origin.test', keyType })]), '0 at -1 / 0', keyType)
  const twin = await makeAuthority({ name: 'Twin', parent: anchor })
  const good = await makeAuthority({ name: 'Twin', parent: root, twinOf: twin })
  t.equal(
    codes([await twin.issue({ cn: 'origin.test' }), twin, good], 'origin.test', {
      anchors: [anchor.certPem, root.certPem],
    }),
    '0 at -1 / 0',
    'unless there is another path',
  )
})

test('the CN of a leaf is no name, and no constraint applies to it', async t => {
  const authority = await constrained({ permitted: ['127.0.0.0/8', 'inside.test'] })
  const byAddress = await authority.issue({ cn: 'outside.test', sans: ['127.0.0.1'] })
  t.equal(codes([byAddress, authority], '127.0.0.1'), '0 at -1 / 0', 'was X509_V_ERR_PERMITTED_VIOLATION')
  t.equal(codes([byAddress, authority], 'outside.test'), '0 at -1 / 62')
  const outside = await authority.issue({ cn: 'inside.test', sans: ['outside.test'] })
  t.equal(codes([outside, authority], 'outside.test'), '47 at 0 / 0', 'alternative names are')
})

test('a wildcard reaches no name that an authority must not certify', async t => {
  const authority = await constrained({ permitted: ['example.test'], excluded: ['Bar.example.test'] })
  const wild = await authority.issue({ cn: '*.example.test' })
  t.equal(codes([wild, authority], 'bar.example.test'), '48 at 0 / 0')
  t.equal(codes([wild, authority], 'foo.example.test'), '48 at 0 / 0', 'the certificate is bad as a whole')
  const named = await authority.issue({ cn: 'foo.example.test' })
  t.equal(codes([named, authority], 'foo.example.test'), '0 at -1 / 0')
  const deeper = await authority.issue({ cn: '*.foo.example.test' })
  t.equal(codes([deeper, authority], 'a.foo.example.test'), '0 at -1 / 0', 'one that cannot reach it')
})

test('an excluded subtree forbids every wildcard that reaches into it', async t => {
  const isExcluded = async (wildcard: string, excluded: string): Promise<boolean> =>
    excludesSome(
      [(await constrained({ excluded: [excluded] })).cert.raw],
      (await root.issue({ cn: wildcard })).cert.raw,
    )
  t.equal(await isExcluded('*.example.test', 'a.example.test'), true)
  t.equal(await isExcluded('*.EXAMPLE.test', 'a.example.TEST'), true)
  t.equal(await isExcluded('*.example.test', 'b.a.example.test'), false, 'a wildcard is one label')
  t.equal(await isExcluded('*.example.test', '.a.example.test'), false, 'names below alone')
  t.equal(await isExcluded('*.example.test', 'other.test'), false)
  t.equal(await isExcluded('a.example.test', 'a.example.test'), false, 'no wildcard: that is for OpenSSL')
  t.equal(excludesSome([Buffer.from('no DER')], root.cert.raw), true, 'what cannot be read excludes')
  t.equal(excludesSome([], Buffer.from('no DER')), false)
})

test('a name that is written in pieces is no way round an exclusion', async t => {
  const authority = await constrained({ permitted: ['example.test'], excluded: ['bar.example.test'] })
  const leaf = (name: Buffer): Pick<Issued, 'cert'> => ({
    cert: leafWith(authority, 'x', `subjectAltName=DER:${sequence(name).toString('hex')}`),
  })
  const pieces = (tag: number): Buffer =>
    der(0xa2, der(tag, Buffer.from('*.exam')), der(tag, Buffer.from('ple.test')))
  for (const [what, name] of [
    ['in one piece', der(0x82, Buffer.from('*.example.test'))],
    ['IA5String in pieces', pieces(0x16)],
    ['OCTET STRING in pieces', pieces(0x04)],
  ] as const)
    t.equal(codes([leaf(name), authority], 'bar.example.test'), '48 at 0 / 0', what)
  const constraint = sequence(
    der(0x06, Buffer.from([0x55, 0x1d, 0x1e])),
    der(0x04, sequence(der(0xa1, sequence(der(0xa2, der(0x16, Buffer.from('other.test'))))))),
  )
  t.equal(
    excludesSome(
      [certificateShape({ extensions: [constraint] })],
      (await root.issue({ cn: 'a.test' })).cert.raw,
    ),
    true,
    'nor is an exclusion that is written so left out',
  )
})

test('strict rules are off by default', async t => {
  const loose = [await root.issue({ cn: 'origin.test', withoutIds: true })]
  t.equal(codes(loose), '0 at -1 / 0')
  t.equal(codes(loose, 'origin.test', { isStrict: true }), '85 at 0 / 0', 'a missing key identifier')
  const strict = [await root.issue({ cn: 'origin.test' })]
  t.equal(codes(strict, 'origin.test', { isStrict: true }), '0 at -1 / 0')
})
