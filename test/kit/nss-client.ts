/** `tstclnt` of NSS, the TLS library of Firefox: a client of encrypted ClientHellos (ECH), real ones and GREASE. */
import { generateKeyPairSync } from 'node:crypto'
import { connect } from 'node:net'
import type { Test } from 'tap'
import { startChild } from './child.js'
import { vector } from './client-hellos.js'
import { readAnew } from './new-keys.js'
import { listen } from './tcp-server.js'
import { makeTempDir } from './temp-dir.js'
import { poll } from './watch.js'

/** What an origin publishes in DNS (RFC 9849 section 4): ECHConfigList in base64. Nothing here has its private key. */
export function echConfigs(publicName: string): string {
  const key = Buffer.from(
    readAnew(generateKeyPairSync('x25519')).publicKey.export({ format: 'jwk' }).x ?? '',
    'base64url',
  )
  const [kem, kdf, aead] = [Buffer.from([0, 0x20]), Buffer.from([0, 1]), Buffer.from([0, 1])]
  const keyConfig = [Buffer.from([7]), kem, vector(2, key), vector(2, kdf, aead)]
  const contents = [...keyConfig, Buffer.from([100]), vector(1, Buffer.from(publicName)), vector(2)]
  return vector(2, Buffer.from([0xfe, 0x0d]), vector(2, ...contents)).toString('base64')
}

/** Sends what comes to a port of its own through a CONNECT. @returns the port */
async function tunnelTo(t: Test, proxyPort: number, target: string): Promise<number> {
  const { port, own, stop } = await listen(client => {
    const proxy = connect(proxyPort, '127.0.0.1', () =>
      proxy.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`),
    )
    const end = (): void => {
      client.destroy()
      proxy.destroy()
    }
    own(proxy)
    for (const socket of [client, proxy]) socket.on('error', end)
    proxy.once('data', answer => {
      if (!answer.toString('latin1').startsWith('HTTP/1.1 200')) return end()
      client.pipe(proxy).pipe(client)
    })
  })
  t.teardown(stop)
  return port
}

export interface NssResult {
  /** Empty unless the handshake succeeded. */
  readonly response: string
  /** The names of NSS for what went wrong. */
  readonly errors: readonly string[]
}

/**
 * Asks for `/` in TLS 1.3. tstclnt expects the encrypted name in the certificate, also where that was rejected and the
 * certificate is for the outer name (`-o` has it go on).
 * @param args more arguments of tstclnt
 */
export async function askByNss(
  t: Test,
  where: { readonly proxyPort: number; readonly target: string; readonly trusted: string },
  args: readonly string[],
): Promise<NssResult> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const database = `sql:${dir.path}`
  const certutil = async (...more: string[]): Promise<void> => {
    const child = await startChild('certutil', ['-d', database, ...more])
    if ((await child.exited()) !== 0) throw new Error(child.stderr())
  }
  await certutil('-N', '--empty-password')
  await certutil('-A', '-t', 'C,,', '-n', 'root', '-i', dir.file('root.pem', where.trusted))
  const port = await tunnelTo(t, where.proxyPort, where.target)
  const place = ['-h', '127.0.0.1', '-p', String(port), '-d', database, '-V', 'tls1.3:tls1.3']
  const child = await startChild('tstclnt', [...place, ...args])
  child.write('GET / HTTP/1.0\r\n\r\n')
  // It does not end with the connection, but with its input.
  const hasEnded = (): boolean => child.exitCode !== null || /<\/html>|^HTTP\/1\.1 200/i.test(child.stdout())
  await poll(() => hasEnded() || undefined, 'a response, or an error')
  child.endInput()
  await child.exited()
  const errors = [...child.stderr().matchAll(/\b(?:SSL|SEC)_ERROR_\w+/g)].map(([name]) => name)
  return { response: child.stdout(), errors }
}
