/** ClientHellos of real clients, post-quantum ones among them, in pieces: TCP segments and TLS records, on every way in. */
import { setImmediate as turn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { ClientHelloEvent } from '../../core/api/client-hooks.js'
import { headerBytes } from '../../core/vconn/proxy-protocol.js'
import { startBumping } from '../kit/bumping.js'
import { rawClient } from '../kit/client.js'
import { RECORDED_NAME as HOST, inRecords, RECORDED, recordedHello } from '../kit/client-hellos.js'
import { httpsOrigin, startConnecting } from '../kit/connecting.js'
import { HookGate } from '../kit/gate.js'
import { greased } from '../kit/greased-hello.js'
import { listen } from '../kit/tcp-server.js'

// Load test: thousands of connections.

const CHROMIUM = recordedHello('Chromium 156')
/** The message, without its record. */
const MESSAGE = CHROMIUM.subarray(5)
const COUNTS = [2, 3, 4, 5, 7, 10, 20, 50, 100, 150, 200]
const AT_ONCE = 24

/** In so many parts. */
function cut(bytes: Buffer, count: number): Buffer[] {
  const at = (i: number): number => Math.floor((i * bytes.length) / count)
  return Array.from({ length: count }, (_, i) => bytes.subarray(at(i), at(i + 1)))
}

/** The message in so many records. */
const recordsOf = (hello: Buffer, count: number): Buffer[] => cut(hello, count).map(part => inRecords(part))

/** Sends piece by piece, each in a segment of its own. @returns what came back, once `isEnough` or the end */
async function told(
  port: number,
  pieces: readonly Buffer[],
  isEnough: (text: string) => boolean,
): Promise<string> {
  const client = await rawClient(port)
  try {
    for (const piece of pieces) {
      client.send(piece)
      await turn()
      await turn()
    }
    await client.until(() => client.isEnded || isEnough(client.text()) || undefined, 'an answer')
    return client.text()
  } finally {
    client.stop()
  }
}

async function allOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
}

/** Says whether what it is sent is one of these, byte for byte. */
async function judging(t: Test, ...expected: readonly Buffer[]): Promise<number> {
  const longest = Math.max(...expected.map(({ length }) => length))
  const origin = await listen(socket => {
    let bytes = Buffer.alloc(0)
    socket.on('data', (more: Buffer) => {
      bytes = Buffer.concat([bytes, more])
      const isSame = expected.some(one => one.equals(bytes))
      if (isSame) socket.end('the same')
      else if (bytes.length >= longest) socket.end('another')
    })
  })
  t.teardown(origin.stop)
  return origin.port
}

const socksTo = (port: number): Buffer =>
  Buffer.concat([
    Buffer.from([5, 1, 0, 5, 1, 0, 3, HOST.length]),
    Buffer.from(HOST),
    Buffer.from([port >> 8, port & 0xff]),
  ])
const connectTo = (port: number): Buffer =>
  Buffer.from(`CONNECT ${HOST}:${port} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
const announcedBy = (version: 1 | 2): Buffer =>
  headerBytes(version, {
    ...{ remoteAddress: '127.0.0.9', remotePort: 40_000 },
    ...{ localAddress: '198.51.100.1', localPort: 3128 },
    tlvs: Buffer.alloc(0),
  })

const RELAYED = { 'proxy.config.http.proxy_protocol_allowlist': '127.0.0.1' } as const
/** What is sent before the ClientHello, and on which port. */
const WAYS = {
  CONNECT: { keywords: '', before: connectTo, step: 1 },
  'SOCKS 5': { keywords: ':socks', before: socksTo, step: 7 },
  'CONNECT behind PROXY 1': {
    keywords: ':pp',
    before: (port: number) => Buffer.concat([announcedBy(1), connectTo(port)]),
    step: 11,
  },
  'SOCKS 5 behind PROXY 2': {
    keywords: ':socks:pp',
    before: (port: number) => Buffer.concat([announcedBy(2), socksTo(port)]),
    step: 11,
  },
} as const

for (const [way, { keywords, before, step }] of Object.entries(WAYS))
  test(`${way} and a ClientHello, cut anywhere, reach an origin as they were sent`, async t => {
    const { proxy } = await startConnecting(t, {
      hosts: [HOST],
      // A rule for another host has the opening of each tunnel read.
      files: { 'sni.yaml': 'sni:\n  - fqdn: other.example\n    connect_verify: probe\n' },
      records: {
        ...(keywords.includes('pp') ? RELAYED : {}),
        'proxy.config.http.server_ports': `0${keywords}:ip-in=127.0.0.1`,
        'proxy.config.http.connect.verify': 'tunnel',
      },
    })
    const sent = COUNTS.map(count => Buffer.concat(recordsOf(MESSAGE, count)))
    const port = await judging(t, CHROMIUM, ...sent)
    const start = before(port)
    const failures: string[] = []
    const passes = async (what: string, pieces: readonly Buffer[]): Promise<void> => {
      const text = await told(proxy.port, pieces, all => all.endsWith('the same') || all.endsWith('another'))
      if (!text.endsWith('the same')) failures.push(`${what}: ${JSON.stringify(text.slice(-60))}`)
    }
    const whole = Buffer.concat([start, CHROMIUM])
    const cuts = Array.from({ length: whole.length - 1 }, (_, i) => i + 1)
    const some = cuts.filter(at => at <= start.length + 8 || at % step === 0)
    await allOf(some, at => passes(`cut at ${at}`, [whole.subarray(0, at), whole.subarray(at)]))
    t.strictSame(failures, [], `${some.length} cuts`)
    await allOf(COUNTS, async count => {
      await passes(`${count} segments`, [start, ...cut(CHROMIUM, count)])
      await passes(`${count} records, one a segment`, [start, ...recordsOf(MESSAGE, count)])
      await passes(`${count} records in one segment`, [Buffer.concat([start, ...recordsOf(MESSAGE, count)])])
    })
    t.strictSame(failures, [], 'segments and records')
  })

test('a bump answers them all, GREASE in every place included, and plugins see them', async t => {
  const origin = await httpsOrigin(t, HOST)
  const gate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => void reenable() })
  const { proxy } = await startBumping(t, { hosts: [HOST], clientGates: [gate] })
  const start = connectTo(origin.port)
  const answers = async (what: string, pieces: readonly Buffer[]): Promise<void> => {
    const isEnough = (text: string): boolean => text.split('\r\n\r\n').slice(1).join('\r\n\r\n').length > 6
    const text = await told(proxy.port, [start, ...pieces], isEnough)
    const answer = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1')
    t.match(answer.subarray(0, 6).toString('hex'), /^1603(?:03|01).{4}02$/, `a ServerHello for ${what}`)
  }
  for (const client of RECORDED.filter(name => name !== 'NSS 3.87, ECH')) {
    const hello = recordedHello(client)
    const body = hello.subarray(5)
    await answers(client, [hello])
    await answers(`${client} in 200 records`, recordsOf(body, 200))
    await answers(`${client} in 2 records`, [Buffer.concat(recordsOf(body, 2))])
    await answers(`${client} with GREASE`, cut(inRecords(greased(body)), 3))
  }
  for (const count of COUNTS) {
    await answers(`${count} segments`, cut(CHROMIUM, count))
    await answers(`${count} records, one a segment`, recordsOf(MESSAGE, count))
  }
  const events: readonly ClientHelloEvent[] = gate.of('TS_SSL_CLIENT_HELLO_HOOK')
  t.ok(events.every(({ sni }) => sni === HOST))
  const whole = events.filter(({ raw }) => raw.equals(MESSAGE))
  t.equal(whole.length, 3 + 2 * COUNTS.length, 'the same message, however it was cut')
})
