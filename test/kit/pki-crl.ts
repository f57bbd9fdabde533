import { execFileSync } from 'node:child_process'
import type { Authority, Issued } from './pki.js'
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
}

/** A revocation list of an authority's, PEM, as the openssl program writes it; good for a day. */
export function revocationList(
  issuer: Authority,
  revoked: readonly Pick<Issued, 'cert'>[],
  options: RevocationListOptions = {},
): string {
  const { extensions, thisUpdate, nextUpdate } = options
  const dir = makeTempDir()
  const reason = options.reason === undefined ? '' : `,${options.reason}`
  try {
    dir.file('ca.pem', issuer.certPem)
    dir.file('ca.key', issuer.keyPem)
    const rows = revoked.map(
      ({ cert }) => `R\t400101000000Z\t250101000000Z${reason}\t${cert.serialNumber}\tunknown\t/CN=x\n`,
    )
    dir.file('index', rows.join(''))
    const section = extensions === undefined ? '' : `crl_extensions=x\n[x]\n${extensions}\n`
    dir.file(
      'conf',
      `[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=1\n${section}`,
    )
    const args = ['ca', '-config', 'conf', '-gencrl', '-keyfile', 'ca.key', '-cert', 'ca.pem']
    if (thisUpdate !== undefined) args.push('-crl_lastupdate', asn1Time(thisUpdate))
    if (nextUpdate !== undefined) args.push('-crl_nextupdate', asn1Time(nextUpdate))
    return execFileSync('openssl', args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'ignore'] }).toString()
  } finally {
    dir.remove()
  }
}

const asn1Time = (time: Date): string => `${time.toISOString().replace(/\D/g, '').slice(0, 14)}Z`
