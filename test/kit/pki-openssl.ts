/** What the openssl program makes where the rest of the kit does not: lists, foreign keys, rare extensions. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import type { Authority, Issued } from './pki.js'
import { requireProgram } from './programs.js'
import { makeTempDir } from './temp-dir.js'

export interface RevocationListOptions {
  /** Default: now. */
  readonly thisUpdate?: Date
  /** Default: in a day. */
  readonly nextUpdate?: Date
  /** Its extensions as a section of openssl.cnf; default: none. */
  readonly extensions?: string
  /** Why its certificates are revoked, in the words of `openssl ca`. */
  readonly reason?: string
  /** What it is signed with; default: sha256. */
  readonly digest?: string
  /** `-sigopt` of `openssl ca`. */
  readonly signing?: readonly string[]
}

/** A revocation list of an authority, PEM; good for a day. */
export function revocationList(
  issuer: Authority,
  revoked: readonly Pick<Issued, 'cert'>[],
  { extensions, thisUpdate, nextUpdate, reason, digest = 'sha256', signing = [] }: RevocationListOptions = {},
): string {
  const why = reason === undefined ? '' : `,${reason}`
  const rows = revoked.map(
    ({ cert }) => `R\t400101000000Z\t250101000000Z${why}\t${cert.serialNumber}\tunknown\t/CN=x\n`,
  )
  const section = extensions === undefined ? '' : `crl_extensions=x\n[x]\n${extensions}\n`
  const conf = `[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=${digest}\ndefault_crl_days=1\n${section}`
  const args = ['ca', '-gencrl', '-keyfile', 'ca.key', '-cert', 'ca.pem']
  for (const option of signing) args.push('-sigopt', option)
  if (thisUpdate !== undefined) args.push('-crl_lastupdate', asn1Time(thisUpdate))
  if (nextUpdate !== undefined) args.push('-crl_nextupdate', asn1Time(nextUpdate))
  return openssl(args, { conf, index: rows.join(''), ...authorityFiles(issuer) }).toString()
}

/**
 * A certificate that this key has signed, of whatever kind it is; DER.
 * @param sans names as openssl.cnf writes them, `URI:spiffe://a`; `dirName:dn` is a directory name
 */
export function selfSignedWith(key: KeyObject, sans: readonly string[] = ['DNS:x']): Buffer {
  return request('CN=x', key, `subjectAltName=${sans.join(',')}`).raw
}

/**
 * A leaf of an authority with extensions that the rest of the kit does not write.
 * @param extensions a section of openssl.cnf, and those it names
 */
export const leafWith = (authority: Authority, cn: string, extensions: string): X509Certificate =>
  issueWith(authority, cn, extensions).cert

/** The same with its key. */
export function issueWith(
  authority: Authority,
  cn: string,
  extensions: string,
): Pick<Issued, 'cert' | 'certPem' | 'keyPem'> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cert = request(`CN=${cn}`, privateKey, extensions, authority)
  const keyPem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { cert, certPem: cert.toString(), keyPem }
}

/**
 * A certificate for a client, with its key.
 * @param subject lines of a section of openssl.cnf: `CN=ann`, `0.OU=staff`
 * @param sans names as openssl.cnf writes them: `email:ann@a.test`
 */
export function clientCertificate(
  authority: Authority,
  subject: readonly string[],
  sans: readonly string[] = [],
) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = sans.length === 0 ? '' : `\nsubjectAltName=${sans.join(',')}`
  const cert = request(subject.join('\n'), privateKey, `extendedKeyUsage=clientAuth${names}`, authority)
  const keyPem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { cert, chainPem: cert.toString(), keyPem }
}

/** @param subject lines of a section of openssl.cnf */
function request(subject: string, key: KeyObject, extensions: string, issuer?: Authority): X509Certificate {
  const conf = `[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n${subject}\n[v3]\n${extensions}\n`
  const by = issuer === undefined ? [] : ['-CA', 'ca.pem', '-CAkey', 'ca.key']
  const pem = openssl(['req', '-x509', ...by, '-key', 'key.pem'], {
    conf,
    'key.pem': String(key.export({ type: 'pkcs8', format: 'pem' })),
    ...(issuer === undefined ? {} : authorityFiles(issuer)),
  })
  return new X509Certificate(pem)
}

const authorityFiles = ({ certPem, keyPem }: Authority) => ({ 'ca.pem': certPem, 'ca.key': keyPem })

/** Runs the openssl program among these files, with the one called `conf` as its configuration. */
function openssl(args: readonly string[], files: Readonly<Record<string, string>>): Buffer {
  const dir = makeTempDir()
  try {
    for (const [name, text] of Object.entries(files)) dir.file(name, text)
    const all = [...args, '-config', 'conf']
    return execFileSync(requireProgram('openssl'), all, {
      cwd: dir.path,
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 28,
    })
  } finally {
    dir.remove()
  }
}

const asn1Time = (time: Date): string => `${time.toISOString().replace(/\D/g, '').slice(0, 14)}Z`
