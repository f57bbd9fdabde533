import { execFileSync } from 'node:child_process'
import type { Authority, Issued } from './pki.js'
import { makeTempDir } from './temp-dir.js'

/** A revocation list of an authority's, PEM, as the openssl program writes it; good for a day. */
export function revocationList(issuer: Authority, revoked: readonly Issued[]): string {
  const dir = makeTempDir()
  try {
    dir.file('ca.pem', issuer.certPem)
    dir.file('ca.key', issuer.keyPem)
    const rows = revoked.map(
      ({ cert }) => `R\t400101000000Z\t250101000000Z\t${cert.serialNumber}\tunknown\t/CN=x\n`,
    )
    dir.file('index', rows.join(''))
    dir.file('conf', '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=1\n')
    const args = ['ca', '-config', 'conf', '-gencrl', '-keyfile', 'ca.key', '-cert', 'ca.pem']
    return execFileSync('openssl', args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'ignore'] }).toString()
  } finally {
    dir.remove()
  }
}
