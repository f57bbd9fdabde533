/**
 * The origin of the forward benchmark, and with another core the floor that the proxy is compared with: a bare node:http
 * server, and an HTTPS one beside it when there is a certificate. Prints its ports.
 *
 *     node forward-origin.js [CERTIFICATE.json]
 *
 * `/1k` is 1024 bytes, `/bulk/N` is N bytes.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import type { OriginCertificate } from './handshake-origin.js'

const SMALL = Buffer.alloc(1024, 'x')
const PART = Buffer.alloc(256 * 1024, 'x')

function onRequest(request: IncomingMessage, response: ServerResponse): void {
  const [, bytes] = /\/bulk\/(\d+)$/.exec(request.url ?? '') ?? []
  if (bytes === undefined) return void response.writeHead(200, { 'Content-Length': SMALL.length }).end(SMALL)
  let left = Number(bytes)
  response.writeHead(200, { 'Content-Length': left })
  const write = (): void => {
    while (left > 0) {
      const part = left < PART.length ? PART.subarray(0, left) : PART
      left -= part.length
      if (!response.write(part)) return void response.once('drain', write)
    }
    response.end()
  }
  write()
}

function listen(server: Server): Promise<number> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

/** Longer than any pause between two measurements: pooled connections are what is measured. */
const keepAliveTimeout = 120_000
const [file] = process.argv.slice(2)
const ports = [await listen(createServer({ keepAliveTimeout }, onRequest))]
if (file !== undefined) {
  const { chainPem, keyPem } = JSON.parse(readFileSync(file, 'utf8')) as OriginCertificate
  ports.push(await listen(createTlsServer({ cert: chainPem, key: keyPem, keepAliveTimeout }, onRequest)))
}
process.stdout.write(`ports ${ports.join(' ')}\n`)
