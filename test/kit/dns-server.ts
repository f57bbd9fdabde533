/** A name server on a free port of the loopback, over UDP and TCP, that answers as a test wants it to. */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server } from 'node:net'
import { addressBytes } from '../../core/base/network.js'
import { Watch } from './watch.js'

export interface DnsQuestion {
  readonly name: string
  readonly type: 'A' | 'AAAA'
  readonly over: 'udp' | 'tcp'
}

export interface DnsReply {
  /** Those of the family that was asked for are told. */
  readonly addresses?: readonly string[]
  /** Names that lead to the one with the addresses. */
  readonly aliases?: readonly string[]
  /** Seconds; default 60. */
  readonly ttl?: number
  readonly aliasTtl?: number
  readonly rcode?: keyof typeof RCODES
  /** Milliseconds until it is sent. */
  readonly after?: number
  /** Addresses of a forged reply with a wrong id, sent before the true one. */
  readonly forged?: readonly string[]
}

export interface DnsServer {
  /** `127.0.0.1:port`, as proxy.config.dns.nameservers takes it. */
  readonly address: string
  /** In the order they came; with those that were sent again. */
  readonly questions: readonly DnsQuestion[]
  /** How often a name was asked for, in one family. */
  count(name: string, type?: DnsQuestion['type']): number
  /** The first answer of `probe` that is not undefined, tried with every question. */
  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T>
  stop(): Promise<void>
}

const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const

/** What a UDP reply has room for; longer ones are truncated (RFC 9715). */
const UDP_BYTES = 1232
const TYPES = new Map<number, DnsQuestion['type']>([
  [1, 'A'],
  [28, 'AAAA'],
])
const CNAME = 5

/** @param answer undefined: nothing is answered, ever */
export async function dnsServer(answer: (question: DnsQuestion) => DnsReply | undefined): Promise<DnsServer> {
  const questions: DnsQuestion[] = []
  const timers = new Set<NodeJS.Timeout>()
  const watch = new Watch()
  const serve = (query: Buffer, over: DnsQuestion['over'], send: (reply: Buffer) => void): void => {
    const { name, type, end } = readQuestion(query)
    if (type === undefined) return send(makeReply(query, end, name, 'A', { rcode: 'NOERROR' }))
    const question = { name, type, over }
    questions.push(question)
    watch.changed()
    const reply = answer(question)
    if (reply === undefined) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      if (reply.forged !== undefined) {
        const forged = makeReply(query, end, name, type, { addresses: reply.forged })
        forged.writeUInt16BE(forged.readUInt16BE(0) ^ 0x5555, 0)
        send(forged)
      }
      send(makeReply(query, end, name, type, reply))
    }, reply.after ?? 0)
    timers.add(timer)
  }
  const { udp, tcp, port } = await bind()
  udp.on('message', (query, from) => {
    serve(query, 'udp', reply =>
      udp.send(reply.length > UDP_BYTES ? truncated(reply) : reply, from.port, from.address),
    )
  })
  const sockets = new Set<{ destroy(): unknown }>()
  tcp.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    let bytes = Buffer.alloc(0)
    socket.on('data', data => {
      bytes = Buffer.concat([bytes, data])
      while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
        const end = 2 + bytes.readUInt16BE(0)
        const query = bytes.subarray(2, end)
        bytes = bytes.subarray(end)
        serve(query, 'tcp', reply => socket.write(Buffer.concat([uint16(reply.length), reply])))
      }
    })
  })
  return {
    address: `127.0.0.1:${port}`,
    questions,
    count: (name, type = 'A') =>
      questions.filter(question => question.name === name && question.type === type).length,
    until: (probe, what, ms) =>
      watch.until(probe, () => `${what}; asked: ${JSON.stringify(questions.slice(-10))}`, ms),
    stop: async () => {
      for (const timer of timers) clearTimeout(timer)
      for (const socket of sockets) socket.destroy()
      await Promise.all([new Promise<void>(done => udp.close(() => done())), once(tcp.close(), 'close')])
    },
  }
}

/** Both on one port, which another program may have for one of them. */
async function bind(): Promise<{ readonly udp: Socket; readonly tcp: Server; readonly port: number }> {
  for (let tries = 1; ; tries += 1) {
    const tcp = createServer()
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const address = tcp.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const udp = createSocket('udp4')
    try {
      udp.bind(port, '127.0.0.1')
      await once(udp, 'listening')
      return { udp, tcp, port }
    } catch (cause) {
      tcp.close()
      if (tries === 10) throw cause
    }
  }
}

interface Read {
  readonly name: string
  readonly type: DnsQuestion['type'] | undefined
  /** Where the question ends. */
  readonly end: number
}

function readQuestion(query: Buffer): Read {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const name = labels.join('.').toLowerCase()
  return { name, type: TYPES.get(query.readUInt16BE(at + 1)), end: at + 5 }
}

function makeReply(
  query: Buffer,
  end: number,
  name: string,
  type: DnsQuestion['type'],
  reply: DnsReply,
): Buffer {
  const { addresses = [], aliases = [], ttl = 60, aliasTtl = ttl, rcode = 'NOERROR' } = reply
  const names = [name, ...aliases]
  const records = aliases.map((alias, i) => record(names[i] ?? '', CNAME, aliasTtl, encodeName(alias)))
  const isSix = type === 'AAAA'
  for (const address of addresses.filter(one => isIPv6(one) === isSix))
    records.push(record(names.at(-1) ?? '', isSix ? 28 : 1, ttl, Buffer.from(addressBytes(address))))
  const header = Buffer.alloc(12)
  header.writeUInt16BE(query.readUInt16BE(0), 0)
  header.writeUInt16BE(0x8180 | RCODES[rcode], 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, query.subarray(12, end), ...records])
}

/** The head and the question, with the bit that says so. */
function truncated(reply: Buffer): Buffer {
  const { end } = readQuestion(reply)
  const short = Buffer.from(reply.subarray(0, end))
  short.writeUInt16BE(short.readUInt16BE(2) | 0x0200, 2)
  short.writeUInt16BE(0, 6)
  return short
}

function record(name: string, type: number, ttl: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodeName(name), fixed, data])
}

const encodeName = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split('.')
      .map(label => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ])

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
