/**
 * The origin of the handshake benchmark, in a process of its own: shows one certificate after another, from the first
 * again after the last, and prints its port.
 *
 *     node handshake-origin.js CERTIFICATES.json
 */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createSecureContext, createServer } from 'node:tls'

export interface OriginCertificate {
  readonly chainPem: string
  readonly keyPem: string
}

const [file = ''] = process.argv.slice(2)
const certificates = JSON.parse(readFileSync(file, 'utf8')) as readonly OriginCertificate[]
const contexts = certificates.map(({ chainPem, keyPem }) =>
  createSecureContext({ cert: chainPem, key: keyPem }),
)
let handshakes = 0
const server = createServer({
  SNICallback: (_name, done) => {
    const context = contexts[handshakes % contexts.length]
    handshakes += 1
    done(null, context)
  },
})
server.on('secureConnection', socket => socket.on('error', () => socket.destroy()))
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`))
