import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { certificatesInPem } from '../base/pem.js'
import { describe } from '../base/thrown.js'
import { readX509 } from '../base/x509.js'
import { RECORDS } from '../config/records-table.js'
import { createAuthority } from '../tls/inbound/authority.js'

/**
 * Makes the authority for bump mode, and says how clients are made to trust it.
 * @throws {ProxyError} PTC_CA_EXISTS, PTC_CONFIG_UNREADABLE
 */
export async function initCa(confDir: string, print: (line: string) => void): Promise<void> {
  const certFile = join(confDir, RECORDS['proxy.config.ssl.bump.CA.cert.filename'].default)
  const keyFile = join(confDir, RECORDS['proxy.config.ssl.bump.CA.private_key.filename'].default)
  const there = [certFile, keyFile].filter(file => existsSync(file))
  if (there.length > 0) throw new ProxyError('PTC_CA_EXISTS', `there already: ${there.join(', ')}`)
  const { certPem, keyPem } = await createAuthority(`Portcullis CA ${new Date().toISOString().slice(0, 10)}`)
  write(keyFile, keyPem, 0o600)
  write(certFile, certPem, 0o644)
  for (const der of certificatesInPem(certPem)) print(instructions(certFile, keyFile, readX509(der)))
}

/** Never over a file that is there, not even one that was made in this moment. */
function write(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { mode, flag: 'wx' })
  } catch (cause) {
    throw new ProxyError('PTC_CONFIG_UNREADABLE', `cannot write ${file}: ${describe(cause)}`, { cause })
  }
}

function instructions(certFile: string, keyFile: string, cert: ReturnType<typeof readX509>): string {
  return `certificate  ${certFile}
key          ${keyFile} (mode 0600: whoever has it can pass for any site to those who trust the certificate)
SHA-256      ${cert.fingerprint256}
valid until  ${cert.validTo}

In records.config:

  CONFIG proxy.config.http.connect.verify STRING bump

Clients have to trust the certificate:

  curl         curl -x http://127.0.0.1:8080 --cacert ${certFile} https://www.example.com/
  Chromium     certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n portcullis -i ${certFile}
  Debian       cp ${certFile} /usr/local/share/ca-certificates/portcullis.crt && update-ca-certificates
  Node.js      NODE_EXTRA_CA_CERTS=${certFile}
  Python       SSL_CERT_FILE=${certFile} (a file with all authorities to trust)`
}
