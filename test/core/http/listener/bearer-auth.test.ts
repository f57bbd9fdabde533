import { createPublicKey, sign } from 'node:crypto'
import { type Test, test } from 'tap'
import { parseTokenKeys } from '../../../../core/config/token-keys.js'
import { BearerAuth } from '../../../../core/http/listener/bearer-auth.js'
import type { TokenSettings } from '../../../../core/settings/http.js'
import { type Claims, forged, hmacToken, jwks, makeIssuer, now, opensslToken } from '../../../kit/tokens.js'
import { moveDate } from '../../../kit/wall-clock.js'

const rsa = makeIssuer('RS256', 'one')
const ec = makeIssuer('ES256', 'two')
const KEYS = jwks(rsa.jwk, ec.jwk)

function auth(t: Test, settings: Partial<TokenSettings> = {}, keys = KEYS) {
  const bearer = new BearerAuth(
    parseTokenKeys(keys, 'f'),
    {
      keys: { path: 'f', by: 'f' },
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      issuers: ['https://id.test'],
      audiences: ['proxy.test', 'other.test'],
      clockSkew: 60_000,
      userClaim: 'sub',
      groupsClaim: 'groups',
      ...settings,
    },
    user => (user === 'ann' ? ['filed'] : []),
  )
  /** `user groups`, or why not. */
  return async (token: string): Promise<string> => {
    const checked = await bearer.check(token, '192.0.2.1')
    if (typeof checked === 'string') {
      t.notOk(token.length > 10 && checked.includes(token.slice(0, 10)), 'no reason shows the token')
      return checked
    }
    return `${checked.user} ${checked.groups.join(',')}`
  }
}

const BAD = /^the token is no JWT with a signature that this proxy accepts$/

test('good tokens, by the library and by OpenSSL', async t => {
  const ask = auth(t)
  t.equal(await ask(await rsa.sign({ groups: ['staff', 'admins', 'staff'] })), 'ann admins,filed,staff')
  t.equal(await ask(await ec.sign({ sub: 'bob', groups: 'staff' })), 'bob staff', 'one group as a text')
  t.equal(await ask(await ec.sign({ sub: 'bob', aud: ['x', 'other.test'] })), 'bob ')
  t.equal(await ask(opensslToken(rsa)), 'ann filed')
  t.equal(
    await ask(await makeIssuer('PS256', 'one', { ...pairOf(rsa) }).sign()),
    'ann filed',
    'PSS by the same key',
  )
  const ed = makeIssuer('EdDSA')
  t.equal(await auth(t, {}, ed.publicPem)(await ed.sign()), 'ann filed')
  const named = await ed.sign({}, { kid: 'any' })
  t.equal(await auth(t, {}, ed.publicPem)(named), 'ann filed', 'keys without names are for every name')
})

const pairOf = ({ privateKey, publicPem }: typeof rsa) => ({
  privateKey,
  publicKey: createPublicKey(publicPem),
})

/** With a signature that is good, whatever the header says. */
function signed(
  { privateKey }: typeof rsa,
  header: object,
  dsaEncoding: 'der' | 'ieee-p1363' = 'ieee-p1363',
) {
  const text = forged(header).replace(/\.$/, '')
  return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding }).toString('base64url')}`
}

test('hostile tokens', async t => {
  const ask = auth(t)
  const stranger = makeIssuer('RS256', 'one')
  const good = await rsa.sign()
  const [head = '', body = '', signature = ''] = good.split('.')
  const cases: Record<string, string> = {
    'alg none': forged({ alg: 'none' }),
    'alg none with a signature': forged({ alg: 'none' }, {}, signature),
    'alg NONE': forged({ alg: 'NONE' }, {}, signature),
    'HS256 with the PEM of the public key': hmacToken(rsa.publicPem),
    'HS256 with the PEM, trimmed, and a kid': hmacToken(rsa.publicPem.trim(), { alg: 'HS256', kid: 'one' }),
    'HS256 with the JWK': hmacToken(JSON.stringify(rsa.jwk)),
    'another key': await stranger.sign(),
    'a kid of no key': await rsa.sign({}, { kid: 'three' }),
    'a kid of another key': await rsa.sign({}, { kid: 'two' }),
    'a kid that is a path': await rsa.sign({}, { kid: '../../dev/null' }),
    'a key in the header': await stranger.sign({}, { jwk: stranger.jwk, kid: undefined }),
    'a URL of keys in the header': await stranger.sign({}, { jku: 'http://127.0.0.1:1/', kid: undefined }),
    'an unknown critical extension': signed(rsa, { alg: 'RS256', kid: 'one', crit: ['x'], x: 1 }),
    'no critical extension in their list': signed(rsa, { alg: 'RS256', kid: 'one', crit: [] }),
    'claims that are no base64url': signed(rsa, { alg: 'RS256', kid: 'one', crit: ['b64'], b64: false }),
    'a signature of zeros': forged({ alg: 'ES256', kid: 'two' }, {}, Buffer.alloc(64).toString('base64url')),
    'a signature in DER': signed(ec, { alg: 'ES256', kid: 'two' }, 'der'),
    'a list of algorithms': signed(ec, { alg: ['ES256'], kid: 'two' }),
    'RSA by the key of a curve': signed(ec, { alg: 'RS256', kid: 'two' }),
    'claims that were changed': `${head}.${forged({}, { sub: 'root' }).split('.')[1]}.${signature}`,
    'a signature that was cut': good.slice(0, -4),
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'five parts, as if encrypted': `${good}.a.b`,
    'a header that is no JSON': `AAAA.${body}.${signature}`,
    'a header that is a list': `${Buffer.from('[]').toString('base64url')}.${body}.${signature}`,
    'not base64url': `${head}.${body}.${signature.slice(0, -2)}==`,
    empty: '',
    'longer than any': await rsa.sign({ x: 'y'.repeat(20_000) }),
    'a megabyte of dots': '.'.repeat(1_000_000),
  }
  for (const [name, token] of Object.entries(cases)) t.match(await ask(token), BAD, name)
  t.equal(await ask(signed(ec, { alg: 'ES256', kid: 'two' })), 'ann filed', 'one that is signed as they are')
  const bodies: Record<string, readonly [Claims, RegExp]> = {
    'no exp': [{ exp: undefined }, /^the token has no time at which it ends$/],
    'an exp that is a text': [{ exp: '9999999999' }, /./],
    expired: [{ exp: now() - 61 }, /^the token has expired$/],
    'not yet valid': [{ nbf: now() + 120 }, /^the token is not valid yet$/],
    'another audience': [{ aud: 'api.test' }, /^the token is for another audience$/],
    'no audience': [{ aud: undefined }, /^the token is for another audience$/],
    'another issuer': [{ iss: 'https://id.test.evil' }, /^the token is from another issuer$/],
    'no issuer': [{ iss: undefined }, /^the token is from another issuer$/],
    'no user': [{ sub: undefined }, /has no sub that can be a name/],
    'an empty user': [{ sub: '' }, /has no sub/],
    'a user with a line end': [{ sub: 'ann\nroot' }, /has no sub/],
    'a user that is an object': [{ sub: { name: 'ann' } }, /./],
    'a very long user': [{ sub: 'x'.repeat(257) }, /has no sub/],
    'groups that are numbers': [{ groups: [1] }, /has no groups/],
    'groups that are an object': [{ groups: { staff: true } }, /has no groups/],
    'a group with a NUL': [{ groups: ['a\0b'] }, /has no groups/],
    'more groups than fit': [{ groups: Array(1001).fill('g') }, /has no groups/],
    'bound to a key': [{ cnf: { jkt: 'x' } }, /bound to a key/],
  }
  for (const [name, [claims, why]] of Object.entries(bodies))
    t.match(await ask(await rsa.sign(claims)), why, name)
  t.equal(await ask(good), 'ann filed', 'a good one is still good')
})

test('algorithms that are not listed are refused, though a key has them', async t => {
  t.match(await auth(t, { algorithms: ['ES256'] })(await rsa.sign()), BAD)
  const pss = makeIssuer('PS256', 'one', pairOf(rsa))
  t.match(await auth(t, { algorithms: ['RS256'] })(await pss.sign()), BAD)
  const only = auth(t, {}, jwks({ ...rsa.jwk, alg: 'PS256' }))
  t.match(await only(await rsa.sign()), BAD, 'nor those that the key is not for')
})

test('without an audience of its own the proxy takes no token for another one', async t => {
  const ask = auth(t, { audiences: undefined, issuers: undefined })
  t.match(await ask(await rsa.sign()), /is for an audience/)
  t.equal(await ask(await rsa.sign({ aud: undefined, iss: undefined })), 'ann filed')
})

test('the time by which clocks may differ', async t => {
  const ask = auth(t)
  t.equal(await ask(await rsa.sign({ exp: now() - 30 })), 'ann filed')
  t.equal(await ask(await rsa.sign({ nbf: now() + 30 })), 'ann filed')
  const strict = auth(t, { clockSkew: 0 })
  t.match(await strict(await rsa.sign({ exp: now() - 1 })), /expired/)
  t.match(await strict(await rsa.sign({ nbf: now() + 30 })), /not valid yet/)
})

test('a token that is remembered is good up to its exp, and no longer', async t => {
  const ask = auth(t, { clockSkew: 0 })
  const token = await rsa.sign({ exp: now() + 60 })
  t.equal(await ask(token), 'ann filed')
  t.equal(await ask(token), 'ann filed', 'remembered')
  moveDate(t, 61_000)
  t.match(await ask(token), /expired/)
})

test('a known token is not computed again, and a new one is computed once', async t => {
  const bearer = new BearerAuth(
    parseTokenKeys(KEYS, 'f'),
    {
      ...{ keys: { path: 'f', by: 'f' }, algorithms: ['RS256'], issuers: undefined },
      ...{ audiences: ['proxy.test'], clockSkew: 0, userClaim: 'sub', groupsClaim: undefined },
    },
    () => [],
  )
  const token = await rsa.sign()
  const [first, second] = [bearer.check(token, 'a'), bearer.check(token, 'a')]
  t.type(first, Promise)
  t.match(await first, { user: 'ann', groups: [] })
  t.strictSame(await second, await first)
  t.match(bearer.check(token, 'a'), { user: 'ann' }, 'at once')
  t.notMatch(JSON.stringify([bearer]), token)
})
