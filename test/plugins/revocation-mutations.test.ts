/** Every byte of an answer, changed: it says the same as before, or nothing. */
import { test } from 'tap'
import { readX509 } from '../../core/base/x509.js'
import { certificatesOf } from '../../core/testing/kit.js'
import { lookUp, openList } from '../../plugins/revocation/crl.js'
import { NoAnswer } from '../../plugins/revocation/no-answer.js'
import { makeRequest } from '../../plugins/revocation/ocsp-request.js'
import { openResponse } from '../../plugins/revocation/ocsp-response.js'
import { Subjects } from '../../plugins/revocation/subject.js'
import { answerRequest, makeResponse } from '../kit/ocsp.js'
import { issueWith } from '../kit/pki-openssl.js'
import { leafOf, listOf, root } from './revocation-kit.js'

const leaf = leafOf('basicConstraints=CA:FALSE')
const [certificate, issuer] = certificatesOf(leaf.chain)
if (certificate === undefined || issuer === undefined) throw new Error('no chain')
const subject = new Subjects().of(certificate, issuer, true)

/** Changes each byte in three ways, and cuts the text at each length. */
function* changed(good: Buffer): Generator<Buffer> {
  for (let i = 0; i < good.length; i++) {
    for (const bits of [0x01, 0x20, 0x80]) {
      const copy = Buffer.from(good)
      copy[i] = (copy[i] ?? 0) ^ bits
      yield copy
    }
    yield Buffer.from(good.subarray(0, i))
  }
}

/** What each change makes of an answer, counted. */
async function tell(
  good: Buffer,
  read: (bytes: Buffer) => Promise<unknown>,
): Promise<Record<string, number>> {
  const told: Record<string, number> = {}
  for (const bytes of changed(good)) {
    const what = await read(bytes).then(
      value => JSON.stringify(value),
      (cause: unknown) => (cause instanceof NoAnswer ? 'no answer' : `${cause}`),
    )
    told[what] = (told[what] ?? 0) + 1
  }
  return told
}

test('a changed list is none', async t => {
  const good = listOf(root, [leaf], {
    reason: 'keyCompromise',
    extensions: 'issuingDistributionPoint=critical,@s\n[s]\nonlyuser=TRUE',
  })
  const read = async (bytes: Buffer) => lookUp(await openList(bytes, subject.issuer), subject, [])
  t.match(await read(good), { reason: 1 })
  const told = await tell(good, read)
  t.strictSame(Object.keys(told), ['no answer'])
})

test('a changed response says the same, or nothing', async t => {
  const delegate = issueWith(
    root,
    'Responder',
    'extendedKeyUsage=OCSPSigning\nnoCheck=ignored\nbasicConstraints=CA:FALSE',
  )
  const options = {
    readCertificates: (der: Uint8Array) => [readX509(Buffer.from(der))],
    isGood: async () => false,
  }
  const read = async (bytes: Buffer) => {
    const { revoked } = await openResponse(bytes, subject, options)
    return revoked
  }
  const request = makeRequest(subject, 'sha256')
  const byIssuer = answerRequest(request, { issuer: root, signer: root, revoked: [leaf] }, ['-resp_no_certs'])
  const made = makeResponse({
    subject: leaf,
    issuer: root,
    signer: delegate,
    status: 'revoked',
    certificates: [delegate],
  })
  for (const good of [byIssuer, made]) {
    const same = JSON.stringify(await read(good))
    t.match(same, /"at":1735689600000/)
    const told = await tell(good, read)
    t.strictSame(
      Object.keys(told).filter(what => what !== same),
      ['no answer'],
    )
    t.ok((told[same] ?? 0) < 100, `${told[same]} changes of what is not signed`)
  }
})
