/**
 * The load of the forward benchmark: asks for one URL on a few connections that stay open, one request after another on
 * each. Warms up, prints `ready`, begins when a line comes in, and prints `done`.
 *
 *     node forward-load.js PORT URL CONNECTIONS REQUESTS WARM-UP
 */
import { connect, type Socket } from 'node:net'

const [port = '0', url = '', connections = '16', requests = '1000', warmUp = '100'] = process.argv.slice(2)
const { host } = new URL(url)
const REQUEST = Buffer.from(`GET ${url} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\n\r\n`, 'latin1')

function fail(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

/** One connection. It answers how many bytes are still to come of the response that `chunk` belongs to. */
class Asking {
  readonly #socket: Socket
  #head = ''
  #left = 0
  #onAnswer: () => void = () => undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => this.#take(chunk))
    socket.on('close', () => fail('a connection was closed'))
    socket.on('error', cause => fail(String(cause)))
  }

  ask(onAnswer: () => void): void {
    this.#onAnswer = onAnswer
    this.#socket.write(REQUEST)
  }

  #take(chunk: Buffer): void {
    if (this.#left > 0) return this.#count(chunk.length)
    this.#head += chunk.toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#head.slice(0, end + 2)
    const body = this.#head.length - end - 4
    this.#head = ''
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1]
    if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) fail(`not the answer:\n${head}`)
    this.#left = Number(length)
    this.#count(body)
  }

  #count(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) fail('more than was asked for')
    if (this.#left === 0) this.#onAnswer()
  }
}

function open(): Promise<Asking> {
  return new Promise(resolve => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true }, () =>
      resolve(new Asking(socket)),
    )
    socket.once('error', cause => fail(String(cause)))
  })
}

function run(all: readonly Asking[], count: number): Promise<void> {
  return new Promise(resolve => {
    let started = 0
    let finished = 0
    const next = (asking: Asking): void => {
      if (started++ < count) asking.ask(() => (++finished === count ? resolve() : next(asking)))
    }
    for (const asking of all) next(asking)
  })
}

const all = await Promise.all(Array.from({ length: Number(connections) }, open))
await run(all, Number(warmUp))
process.stdout.write('ready\n')
await new Promise(resolve => process.stdin.once('data', resolve))
await run(all, Number(requests))
process.stdout.write('done\n', () => process.exit(0))
