import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import type { Authority } from './pki.js'
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

/**
 * A leaf of an authority's with extensions that the rest of the kit does not write.
 * @param extensions a section of openssl.cnf, and those it names
 */
export function leafWith(authority: Authority, cn: string, extensions: string): X509Certificate {
  const dir = makeTempDir()
  try {
    dir.file('ca.pem', authority.certPem)
    dir.file('ca.key', authority.keyPem)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    dir.file('key.pem', String(privateKey.export({ type: 'pkcs8', format: 'pem' })))
    dir.file(
      'conf',
      `[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\nCN=${cn}\n[v3]\n${extensions}\n`,
    )
    const args = ['req', '-x509', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-key', 'key.pem', '-config', 'conf']
    const pem = execFileSync('openssl', args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] })
    return new X509Certificate(pem)
  } finally {
    dir.remove()
  }
}
