import { execFileSync } from 'node:child_process'
import { type KeyObject, X509Certificate } from 'node:crypto'
import { makeTempDir } from './temp-dir.js'

/**
 * A certificate that the openssl program signs with this key, whatever kind it is; DER.
 * @param sans names as its configuration writes them, `URI:spiffe://a`; `dirName:dn` is a name of the directory
 */
export function selfSignedWith(key: KeyObject, sans: readonly string[] = ['DNS:x']): Buffer {
  const dir = makeTempDir()
  try {
    dir.file('key.pem', String(key.export({ type: 'pkcs8', format: 'pem' })))
    dir.file(
      'conf',
      `[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\nCN=x\n[v3]\nsubjectAltName=${sans.join(',')}\n`,
    )
    const args = ['req', '-x509', '-key', 'key.pem', '-config', 'conf']
    const pem = execFileSync('openssl', args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] })
    return new X509Certificate(pem).raw
  } finally {
    dir.remove()
  }
}
