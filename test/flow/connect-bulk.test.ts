/** Bulk through a tunnel: all of it arrives, and the proxy's memory does not grow with it. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import { rawClient } from '../kit/client.js'
import { testRoot } from '../kit/connecting.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ChildProxy, startProxy } from '../kit/proxy.js'

const HOST = 'bulk.test'
const CHUNK = Buffer.alloc(65_536, 'portcullis')
const MIB = 1_048_576
/** Megabytes; `BULK_MIB=1024` for the long run. */
const AMOUNT = Number(process.env['BULK_MIB'] ?? 200)
const CHUNKS = (AMOUNT * MIB) / CHUNK.length
const LIMIT = 40

/** Collects garbage all the time: what a busy machine has not collected yet is no growth. */
const COLLECTING = {
  'collecting.mjs': `
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Load test: bulk through the proxy.
setFlagsFromString('--expose-gc')
export default () => void setInterval(runInNewContext('gc'), 20).unref()
`,
}

/** The most memory that the proxy has had, in MiB. */
const peak = ({ child: { pid } }: ChildProxy): number =>
  Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

async function setUp(t: Test): Promise<{ readonly socket: TLSSocket; readonly proxy: ChildProxy }> {
  const root = await testRoot()
  const leaf = await root.issue({ cn: HOST })
  const origin = await nodeOrigin({
    tls: leaf,
    handler: (request, response) => {
      const hash = createHash('sha256')
      if (request.method === 'POST') {
        request.on('data', (bytes: Buffer) => hash.update(bytes))
        request.on('end', () => response.end(hash.digest('hex')))
        return
      }
      let left = CHUNKS
      const send = (): void => {
        while (left > 0) {
          left -= 1
          if (!response.write(CHUNK)) return void response.once('drain', send)
        }
        response.end()
      }
      send()
    },
  })
  t.teardown(origin.stop)
  const proxy = await startProxy({
    hosts: [HOST],
    ca: root.certPem,
    plugins: ['collecting.mjs'],
    modules: COLLECTING,
    records: { 'proxy.config.http.connect_ports': '*' },
  })
  t.teardown(proxy.stop)
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(`CONNECT ${HOST}:${origin.port} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
  t.equal((await client.response('CONNECT')).status, 200)
  client.socket.removeAllListeners('data') // the kit's client would keep it all
  const socket = connect({ socket: client.socket, servername: HOST, ca: root.certPem })
  t.teardown(() => socket.destroy())
  await new Promise(resolve => socket.once('secureConnect', resolve))
  return { socket, proxy }
}

const skip = existsSync('/proc/self/status') ? false : 'memory is read from /proc'

test(`${AMOUNT} MiB come down a tunnel`, { skip, timeout: 280_000 }, async t => {
  const { socket, proxy } = await setUp(t)
  const before = peak(proxy)
  let bytes = 0
  const since = performance.now()
  socket.write('GET / HTTP/1.0\r\n\r\n')
  for await (const chunk of socket) bytes += (chunk as Buffer).length
  t.ok(bytes > AMOUNT * MIB, `${bytes} bytes arrived in ${Math.round(performance.now() - since)} ms`)
  const grown = Math.round(peak(proxy) - before)
  t.ok(grown < LIMIT, `from ${Math.round(before)} MiB the proxy's memory grew by ${grown} MiB`)
})

test(`${AMOUNT} MiB go up a tunnel`, { skip, timeout: 280_000 }, async t => {
  const { socket, proxy } = await setUp(t)
  const before = peak(proxy)
  const hash = createHash('sha256')
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString()
  })
  socket.write(`POST / HTTP/1.0\r\nContent-Length: ${CHUNKS * CHUNK.length}\r\n\r\n`)
  for (let i = 0; i < CHUNKS; i++) {
    hash.update(CHUNK)
    if (!socket.write(CHUNK)) await new Promise(resolve => socket.once('drain', resolve))
  }
  await new Promise(resolve => socket.once('end', resolve))
  t.ok(answer.endsWith(hash.digest('hex')), 'unchanged')
  const grown = Math.round(peak(proxy) - before)
  t.ok(grown < LIMIT, `from ${Math.round(before)} MiB the proxy's memory grew by ${grown} MiB`)
})
