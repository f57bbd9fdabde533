import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import { parseTokenKeys, readTokenAlgorithms } from '../../../core/config/token-keys.js'
import { readAnew } from '../../kit/new-keys.js'
import { makeAuthority } from '../../kit/pki.js'
import { jwks, KINDS, makeIssuer } from '../../kit/tokens.js'

const algorithms = (text: string) => parseTokenKeys(text, 'f').map(key => key.algorithms.join(' '))

test('keys of every kind, as JWKS, JWK and PEM', async t => {
  const rsa = makeIssuer('RS256', 'one')
  const ec = makeIssuer('ES256', 'two')
  const ed = makeIssuer('EdDSA')
  const everyRsa = 'RS256 RS384 RS512 PS256 PS384 PS512'
  const of = parseTokenKeys(jwks(rsa.jwk, ec.jwk, ed.jwk, { ...rsa.jwk, use: 'enc' }), 'f')
  t.strictSame(
    of.map(({ kid, algorithms }) => [kid, algorithms.join(' ')]),
    [
      ['one', everyRsa],
      ['two', 'ES256'],
      [undefined, 'EdDSA Ed25519'],
    ],
    'without the one for encryption',
  )
  t.strictSame(algorithms(JSON.stringify({ ...rsa.jwk, alg: 'PS256' })), ['PS256'])
  t.strictSame(algorithms(`text\n${rsa.publicPem}more\n${ec.publicPem}`), [everyRsa, 'ES256'])
  const pkcs1 = KINDS.RS256().publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  t.strictSame(algorithms(pkcs1), [everyRsa])
  const { certPem } = await makeAuthority({ name: 'Tokens' })
  t.equal(parseTokenKeys(certPem, 'f').length, 1, 'the key of a certificate')
})

test('keys that cannot be used are named, and not shown', async t => {
  const rsa = KINDS.RS256()
  const weak = readAnew(generateKeyPairSync('rsa', { modulusLength: 1024 }))
  const privateJwk = rsa.privateKey.export({ format: 'jwk' })
  const privatePem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { publicKey } = readAnew(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }))
  const k256 = publicKey.export({ format: 'jwk' })
  for (const [text, what] of [
    ['', /f: there is no public key/],
    ['{', /f: the file begins as JSON/],
    ['{"keys": {}}', /f: keys is no list/],
    ['{"keys": [1]}', /f: key 1 is no object/],
    [jwks({ kty: 'oct', k: 'c2VjcmV0LXRleHQ' }), /f: key 1 is a shared secret/],
    [jwks(privateJwk), /f: key 1 is a private key/],
    [privatePem, /f: key 1 is a private key/],
    [jwks(weak.publicKey.export({ format: 'jwk' })), /f: key 1 has 1024 bits; 2048/],
    [jwks(k256), /f: key 1 is of a type that signs no tokens: ec/],
    [jwks({ ...makeIssuer('ES256').jwk, alg: 'RS256' }), /f: key 1 has an alg that its type has not/],
    [jwks({ ...makeIssuer('ES256').jwk, kid: 1 }), /f: key 1 has a kid that is no text/],
    [jwks({ kty: 'RSA' }), /f: key 1 cannot be read/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /f: key 1 cannot be read/],
    ['-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----', /f: key 1 is DH PARAMETERS/],
    [jwks(...Array(65).fill(makeIssuer('ES256').jwk)), /f: there are 65 keys/],
  ] as const) {
    t.throws(() => parseTokenKeys(text, 'f'), { code: 'PTC_TOKEN_KEYS_INVALID', message: what })
    try {
      parseTokenKeys(text, 'f')
    } catch (error) {
      t.notMatch(
        String(error),
        new RegExp(`c2VjcmV0|${privateJwk.d?.slice(0, 20)}|${privatePem.slice(40, 60)}`),
      )
    }
  }
})

test('algorithms that are no signatures by a private key cannot be named', async t => {
  t.strictSame(readTokenAlgorithms('RS256, EdDSA'), { algorithms: ['RS256', 'EdDSA'], wrong: [] })
  for (const word of ['none', 'HS256', 'HS512', 'ES256K', 'rs256', 'dir', 'RSA-OAEP'])
    t.match(readTokenAlgorithms(`RS256 ${word}`).wrong, [new RegExp(`"${word}" is not one of RS256`)])
  t.match(readTokenAlgorithms(' ').wrong, [/no algorithm/])
})
