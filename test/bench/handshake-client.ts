/**
 * One process of the handshake benchmark: makes new handshakes with an origin, a few at a time, and prints the CPU
 * microseconds that each has cost.
 *
 *     node handshake-client.js engine|node-tls PORT CA.pem HANDSHAKES
 */
import { readFileSync } from 'node:fs'
import { createSecureContext, connect as tlsConnect } from 'node:tls'
import type { OutboundAsker } from '../../core/tls/outbound/settings.js'
import { engineHandshake, type Handshake, measureHandshakes } from './engine-handshakes.js'
import { HOST } from './handshake-host.js'

const [mode = 'engine', port = '0', ca = '', handshakes = '1000'] = process.argv.slice(2)
const anchor = readFileSync(ca, 'utf8')

const APPROVE: OutboundAsker = {
  plugin: 'approve',
  deadline: undefined,
  ask: ({ reenable }) => void reenable(),
}

function nodeHandshake(): Handshake {
  const secureContext = createSecureContext({ ca: anchor })
  return done => {
    const socket = tlsConnect(
      { port: Number(port), host: '127.0.0.1', servername: HOST, secureContext },
      () => {
        socket.destroy()
        done()
      },
    )
  }
}

const handshake = mode === 'engine' ? engineHandshake(anchor, Number(port), [APPROVE]) : nodeHandshake()
await measureHandshakes(handshake, Number(handshakes) / 4) // what is compiled and cached at first is not counted
process.stdout.write(`${await measureHandshakes(handshake, Number(handshakes))}\n`)
process.exit(0)
