/** OCSP: staples and responders, by `openssl ocsp` and made by hand. */
import { type Test, test } from 'tap'
import { der, sequence } from '../kit/der.js'
import { answerRequest, type MadeResponse, makeResponse, stapleFor, startResponder } from '../kit/ocsp.js'
import { makeAuthority } from '../kit/pki.js'
import { issueWith } from '../kit/pki-openssl.js'
import { freePort } from '../kit/tcp-server.js'
import { ACCEPTED, rejected } from './kit.js'
import {
  type Answer,
  HOST,
  hours,
  leafOf,
  listOf,
  openRevocation,
  root,
  sends,
  startSource,
  withList,
  withResponder,
} from './revocation-kit.js'

const REVOKED = rejected('revocation', 'revoked')
const ISSUED = 'basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nkeyUsage=digitalSignature'
const delegate = (extensions: string, name = 'Responder') => issueWith(root, name, `${ISSUED}\n${extensions}`)
const PROPER = delegate('extendedKeyUsage=OCSPSigning\nnoCheck=ignored')

for (const isolate of ['', '@isolate=worker'])
  test(`a responder of openssl says what is revoked ${isolate}`, async t => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/`
    const [good, bad, strange] = [
      leafOf(withResponder(url)),
      leafOf(withResponder(url)),
      leafOf(withResponder(url)),
    ]
    await startResponder(t, port, { issuer: root, signer: PROPER, good: [good], revoked: [bad] })
    const { ask } = await openRevocation(t, '', isolate)
    t.match(await ask(good.chain), ACCEPTED)
    const why = await ask(bad.chain)
    t.match(why, REVOKED)
    t.match(why.detail, `(keyCompromise), says ${url}`)
    t.match((await ask(strange.chain)).detail, /does not know the certificate/)
  })

/** Answers requests by GET and POST with the openssl program. */
const answering =
  (records: Parameters<typeof answerRequest>[1], args: readonly string[] = []): Answer =>
  (response, body, url) => {
    const request =
      body.length > 0 ? body : Buffer.from(decodeURIComponent(url.slice('/ocsp/'.length)), 'base64')
    response
      .writeHead(200, { 'content-type': 'application/ocsp-response' })
      .end(answerRequest(request, records, args))
  }

const ocsp = (bytes: Buffer): Answer => sends(bytes, 'application/ocsp-response')

test('requests are sent by GET, then by POST with a nonce, and answers are kept', async t => {
  const source = await startSource(t)
  const leaf = leafOf(withResponder(`${source.url}/ocsp`))
  const answer = answering({ issuer: root, signer: root, good: [leaf] })
  source.answers['/ocsp'] = answer
  const { ask } = await openRevocation(t)
  t.match(await ask(leaf.chain), ACCEPTED)
  t.match(await ask(leaf.chain), ACCEPTED)
  t.strictSame(source.asked, ['GET /ocsp'])
  source.asked.length = 0
  source.answers['/ocsp'] = (response, body, url) =>
    body.length === 0 ? void response.writeHead(405).end() : answer(response, body, url)
  t.match(await (await openRevocation(t)).ask(leaf.chain), ACCEPTED)
  t.strictSame(source.asked, ['GET /ocsp', 'POST /ocsp'])
  source.asked.length = 0
  const long = leafOf(withResponder(`${source.url}/ocsp${'x'.repeat(200)}`))
  source.answers['/ocsp'] = answering({ issuer: root, signer: root, good: [long] })
  t.match(await (await openRevocation(t)).ask(long.chain), ACCEPTED)
  t.strictSame(source.asked, ['POST /ocsp'], 'a long one by POST at once')
})

test('an answer to another request is none', async t => {
  const source = await startSource(t)
  const leaf = leafOf(withResponder(`${source.url}/ocsp`))
  let first: Buffer | undefined
  source.answers['/ocsp'] = (response, body) => {
    if (body.length === 0) return void response.writeHead(405).end()
    first ??= answerRequest(body, { issuer: root, signer: root, good: [leaf] })
    response.end(first)
  }
  t.match(await (await openRevocation(t)).ask(leaf.chain), ACCEPTED)
  t.match((await (await openRevocation(t)).ask(leaf.chain)).detail, /it answers another request \(nonce\)/)
})

async function whyNot(t: Test, answer: (leaf: ReturnType<typeof leafOf>) => Buffer, options = '') {
  const source = await startSource(t)
  const leaf = leafOf(withResponder(`${source.url}/ocsp`))
  source.answers['/ocsp'] = ocsp(answer(leaf))
  const { ask } = await openRevocation(t, options)
  const { kind, detail = '' } = await ask(leaf.chain)
  return kind === 'accepted' ? kind : detail
}

test('an answer counts only while it is in force', async t => {
  const made = (more: Partial<MadeResponse>, options?: string) =>
    whyNot(t, subject => makeResponse({ subject, issuer: root, signer: root, ...more }), options)
  t.equal(await made({}), 'accepted')
  t.equal(await made({ nextUpdate: null }), 'accepted', 'without an end, a day')
  t.match(await made({ nextUpdate: null, thisUpdate: hours(-30) }), /it ended on/)
  t.match(await made({ thisUpdate: hours(-3), nextUpdate: hours(-1) }), /it ended on/)
  t.match(await made({ thisUpdate: hours(1), nextUpdate: hours(2) }), /it begins on/)
  t.equal(await made({ thisUpdate: new Date(Date.now() + 60_000) }), 'accepted', 'clocks differ')
  t.equal(await made({ nextUpdate: new Date(Date.now() - 60_000), thisUpdate: hours(-1) }), 'accepted')
  t.match(await made({ thisUpdate: hours(-3) }, 'max_age=2h'), /it ended on/)
  t.match(await made({ status: 'revoked' }), /revoked on 2025-01-01T00:00:00.000Z \(no reason given\)/)
  t.match(await made({ status: 'unknown' }), /does not know the certificate/)
  t.match(await made({ serialNumber: '1234' }), /about another certificate/)
  const critical = sequence(der(0x06, Buffer.from('2a0304', 'hex')), der(1, Buffer.from([0xff])), der(4))
  t.match(await made({ extensions: critical }), /critical extension of it is not understood/)
})

test('an answer counts only if the issuer has signed it, or a responder to which it has delegated', async t => {
  const other = await makeAuthority({ name: 'Revocation Other' })
  const by = (
    signer: MadeResponse['signer'] & { cert?: unknown },
    certificates: MadeResponse['certificates'],
  ) =>
    whyNot(t, subject =>
      makeResponse({
        subject,
        issuer: root,
        signer,
        ...(certificates === undefined ? {} : { certificates }),
      }),
    )
  t.equal(await by(PROPER, [PROPER]), 'accepted')
  t.match(await by(PROPER, []), /the certificate of its responder is missing/)
  t.match(await by(other, [other]), /the certificate of its responder is of another issuer/)
  const unfit = delegate('extendedKeyUsage=serverAuth\nnoCheck=ignored')
  t.match(await by(unfit, [unfit]), /is not for OCSP \(extendedKeyUsage\)/)
  const any = delegate('extendedKeyUsage=anyExtendedKeyUsage\nnoCheck=ignored')
  t.match(await by(any, [any]), /is not for OCSP/)
  const bare = delegate('noCheck=ignored')
  t.match(await by(bare, [bare]), /is not for OCSP/)
  const checked = delegate('extendedKeyUsage=OCSPSigning')
  t.match(await by(checked, [checked]), /may have been revoked/)
  const namesake = await makeAuthority({ name: 'Revocation Root', serial: '0104' })
  const false_ = issueWith(namesake, 'R', `${ISSUED}\nextendedKeyUsage=OCSPSigning\nnoCheck=ignored`)
  t.match(await by(false_, [false_]), /is not signed by the issuer/)
  const ended = await root.issue({
    cn: 'Ended',
    eku: ['ocspSigning'],
    notAfter: hours(-1),
    notBefore: hours(-2),
  })
  t.match(await by(ended, [ended]), /the certificate of its responder is valid from/)
  const wrongKey = { certPem: root.certPem, keyPem: other.keyPem }
  t.match(await by(wrongKey, undefined), /not signed with the key of the issuer/)
})

test('a delegated responder without nocheck is looked up in its list', async t => {
  const source = await startSource(t)
  const ends = 'extendedKeyUsage=OCSPSigning\n'
  const [good, bad] = [0, 1].map(() => delegate(ends + withList(`${source.url}/list`)))
  if (good === undefined || bad === undefined) return
  source.answers['/list'] = sends(listOf(root, [bad]))
  const by = (signer: typeof good) =>
    whyNot(t, subject => makeResponse({ subject, issuer: root, signer, certificates: [signer] }))
  t.equal(await by(good), 'accepted')
  t.match(await by(bad), /may have been revoked/)
})

test('what is cut, or no response, is no answer', async t => {
  const good = (subject: MadeResponse['subject']) => makeResponse({ subject, issuer: root, signer: root })
  t.match(await whyNot(t, subject => good(subject).subarray(0, -1)), /not the DER/)
  t.match(await whyNot(t, subject => Buffer.concat([good(subject), Buffer.from([0])])), /not the DER/)
  t.match(await whyNot(t, () => Buffer.alloc(0)), /not the DER/)
  t.match(await whyNot(t, () => sequence(der(0x0a, Buffer.from([3])))), /the responder says tryLater/)
  t.match(await whyNot(t, () => sequence(der(0x0a, Buffer.from([6])))), /the responder says unauthorized/)
})

test('a good staple is an answer, and must-staple needs one', async t => {
  const source = await startSource(t)
  const leaf = leafOf('basicConstraints=CA:FALSE')
  const must = leafOf(`tlsfeature=status_request\n${withList(`${source.url}/list`)}`)
  source.answers['/list'] = sends(listOf(root, []))
  const records = { issuer: root, signer: root }
  const { ask } = await openRevocation(t, 'none=reject')
  const stapled = stapleFor(leaf, { ...records, good: [leaf] })
  t.match(await ask(leaf.chain, { ocspResponse: stapled }), ACCEPTED)
  t.match(await ask(leaf.chain), rejected('revocation', 'unknown'))
  const of = (kind: 'good' | 'revoked') => stapleFor(must, { ...records, [kind]: [must] })
  t.match(await ask(leaf.chain, { ocspResponse: of('good') }), { detail: /about another certificate/ })
  t.match(await ask(leaf.chain, { ocspResponse: stapleFor(leaf, { ...records, revoked: [leaf] }) }), REVOKED)
  t.match(await ask(must.chain, { ocspResponse: of('good') }), ACCEPTED)
  t.match(await ask(must.chain, { ocspResponse: of('revoked') }), REVOKED)
  const NEEDED = rejected('revocation', 'X509_V_ERR_OCSP_VERIFY_NEEDED')
  const why = await ask(must.chain)
  t.match(why, NEEDED, 'whatever the list says')
  t.equal(why.detail, `${HOST}: its certificate demands a good stapled response: there is none`)
  t.match(await ask(must.chain, { ocspResponse: stapled }), NEEDED)
  const lax = await openRevocation(t, 'sources=crl fail=soft')
  t.match(await lax.ask(must.chain), NEEDED, 'whatever the options say')
  t.match(await lax.ask(must.chain, { ocspResponse: of('good') }), ACCEPTED)
})

test('a list is asked before a responder, in the order of sources=', async t => {
  const source = await startSource(t)
  const leaf = leafOf(`${withList(`${source.url}/list`)}\n${withResponder(`${source.url}/ocsp`)}`)
  source.answers['/list'] = sends(listOf(root, []))
  source.answers['/ocsp'] = answering({ issuer: root, signer: root, revoked: [leaf] })
  t.match(await (await openRevocation(t)).ask(leaf.chain), ACCEPTED)
  t.strictSame(source.asked, ['GET /list'])
  t.match(await (await openRevocation(t, 'sources=ocsp,crl')).ask(leaf.chain), REVOKED)
  delete source.answers['/list']
  t.match(await (await openRevocation(t)).ask(leaf.chain), REVOKED, 'when the list is gone')
})
