/** OCSP responders: the openssl program's, and responses as no decent responder makes them. */
import { execFileSync } from 'node:child_process'
import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from './child.js'
import { der, sequence } from './der.js'
import type { Issued } from './pki.js'
import { requireProgram } from './programs.js'
import { makeTempDir } from './temp-dir.js'

type Certified = Pick<Issued, 'certPem' | 'keyPem'>
type Known = Pick<Issued, 'cert'>

export interface Records {
  readonly issuer: Pick<Issued, 'certPem'>
  readonly signer: Certified
  readonly good?: readonly Known[]
  readonly revoked?: readonly Known[]
}

/** Rows of the index that `openssl ca` keeps. */
const indexOf = ({ good = [], revoked = [] }: Pick<Records, 'good' | 'revoked'>): string =>
  [
    ...good.map(({ cert }) => `V\t400101000000Z\t\t${cert.serialNumber}\tunknown\t/CN=x\n`),
    ...revoked.map(
      ({ cert }) => `R\t400101000000Z\t250101000000Z,keyCompromise\t${cert.serialNumber}\tunknown\t/CN=x\n`,
    ),
  ].join('')

/** What the openssl program answers to a request. @param request DER @param args more arguments */
export function answerRequest(request: Buffer, records: Records, args: readonly string[] = []): Buffer {
  const dir = makeTempDir()
  try {
    dir.file('request', request)
    const files = [...filesOf(dir.file, records), '-reqin', 'request', '-respout', 'response', '-noverify']
    execFileSync(requireProgram('openssl'), ['ocsp', ...files, '-ndays', '1', ...args], {
      cwd: dir.path,
      stdio: 'pipe',
    })
    return readFileSync(join(dir.path, 'response'))
  } finally {
    dir.remove()
  }
}

/** A response to be stapled. */
export function stapleFor(subject: Pick<Issued, 'certPem'>, records: Records): Buffer {
  const dir = makeTempDir()
  try {
    dir.file('issuer.pem', records.issuer.certPem)
    dir.file('subject.pem', subject.certPem)
    const asked = ['-issuer', 'issuer.pem', '-cert', 'subject.pem', '-reqout', 'request', '-no_nonce']
    execFileSync(requireProgram('openssl'), ['ocsp', ...asked], { cwd: dir.path, stdio: 'pipe' })
    const request = readFileSync(join(dir.path, 'request'))
    return answerRequest(request, records)
  } finally {
    dir.remove()
  }
}

const filesOf = (
  file: (name: string, content: string) => string,
  { issuer, signer, ...rows }: Records,
): readonly string[] => [
  ...['-CA', file('ca.pem', issuer.certPem)],
  ...['-rsigner', file('signer.pem', signer.certPem)],
  ...['-rkey', file('signer.key', signer.keyPem)],
  ...['-index', file('index', indexOf(rows))],
]

/** `openssl ocsp` as a server. @param port a free one, which certificates name already */
export async function startResponder(
  t: { teardown(fn: () => unknown): void },
  port: number,
  records: Records,
): Promise<void> {
  const dir = makeTempDir()
  const args = ['ocsp', ...filesOf(dir.file, records), '-port', String(port), '-nmin', '60']
  const child = await startChild('openssl', args)
  t.teardown(async () => {
    await child.stop()
    dir.remove()
  })
  await child.until(() => /^ACCEPT/m.exec(child.stdout()) ?? undefined, 'the responder to listen')
}

export interface MadeResponse {
  readonly subject: Known
  readonly issuer: Known
  readonly signer: Certified
  /** Default: good. */
  readonly status?: 'good' | 'revoked' | 'unknown'
  /** Default: now, and in an hour; null: without. */
  readonly thisUpdate?: Date
  readonly nextUpdate?: Date | null
  readonly serialNumber?: string
  readonly extensions?: Buffer
  /** Sent beside the response; default: none. */
  readonly certificates?: readonly Known[]
}

/** A response that is signed as given, whatever it says. The key is an EC key, the certificate is named by SHA-256. */
export function makeResponse(wanted: MadeResponse): Buffer {
  const { subject, issuer, signer, status = 'good', thisUpdate = new Date(), certificates = [] } = wanted
  const { nextUpdate = new Date(Date.now() + 3_600_000), serialNumber = subject.cert.serialNumber } = wanted
  const hash = sequence(der(0x06, Buffer.from('608648016503040201', 'hex')))
  const sha256 = (bytes: Buffer) => der(0x04, createHash('sha256').update(bytes).digest())
  const { name, key } = partsOf(issuer.cert)
  const serial = Buffer.from(serialNumber, 'hex')
  const positive = (serial[0] ?? 0) < 0x80 ? serial : Buffer.concat([Buffer.from([0]), serial])
  const certId = sequence(hash, sha256(name), sha256(key), der(0x02, positive))
  const states = {
    good: der(0x80),
    revoked: der(0xa1, timeOf(new Date('2025-01-01T00:00:00Z'))),
    unknown: der(0x82),
  }
  const end = nextUpdate === null ? [] : [der(0xa0, timeOf(nextUpdate))]
  const single = sequence(certId, states[status], timeOf(thisUpdate), ...end)
  const signerParts = partsOf(new X509Certificate(signer.certPem))
  const byKey = der(0xa2, der(0x04, createHash('sha1').update(signerParts.key).digest()))
  const more = wanted.extensions === undefined ? [] : [der(0xa1, sequence(wanted.extensions))]
  const data = sequence(byKey, timeOf(new Date()), sequence(single), ...more)
  const ecdsa = sequence(der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
  const bits = der(0x03, Buffer.from([0]), sign('sha256', data, createPrivateKey(signer.keyPem)))
  const certs =
    certificates.length === 0 ? [] : [der(0xa0, sequence(...certificates.map(({ cert }) => cert.raw)))]
  const basic = sequence(data, ecdsa, bits, ...certs)
  const kind = der(0x06, Buffer.from('2b0601050507300101', 'hex'))
  return sequence(der(0x0a, Buffer.from([0])), der(0xa0, sequence(kind, der(0x04, basic))))
}

const timeOf = (time: Date): Buffer =>
  der(0x18, Buffer.from(`${time.toISOString().replace(/\D/g, '').slice(0, 14)}Z`))

/** The subject's name, DER, and the bits of its key. */
function partsOf(cert: X509Certificate): { readonly name: Buffer; readonly key: Buffer } {
  const spki = cert.publicKey.export({ type: 'spki', format: 'der' })
  const elements = childrenOf(childrenOf(cert.raw)[0] ?? cert.raw)
  const key = childrenOf(spki)[1] ?? spki
  return { name: elements[5] ?? spki, key: contentOf(key).subarray(1) }
}

function contentOf(element: Buffer): Buffer {
  const short = element[1] ?? 0
  return element.subarray(short < 0x80 ? 2 : 2 + (short & 0x7f))
}

function childrenOf(element: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let rest = contentOf(element); rest.length > 0; ) {
    const short = rest[1] ?? 0
    const count = short < 0x80 ? 0 : short & 0x7f
    const length = 2 + count + (count === 0 ? short : rest.readUIntBE(2, count))
    found.push(rest.subarray(0, length))
    rest = rest.subarray(length)
  }
  return found
}
