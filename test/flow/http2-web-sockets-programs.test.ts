/** WebSockets on streams (RFC 8441) with other programs: nghttpx as the origin, Chromium as the client. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { browse } from '../kit/browser.js'
import { startChild } from '../kit/child.js'
import { startForClients } from '../kit/client-programs.js'
import { testRoot } from '../kit/connecting.js'
import { HOST, inside, speaking, start } from '../kit/http2-bumping.js'
import { answerOn } from '../kit/http2-client.js'
import { freePort, guardServer } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { echoFrames } from '../kit/web-socket.js'
import { asks, exchangesFrames, headOn, opens, upgrade } from '../kit/web-socket-streams.js'

const PAGE = `<!doctype html><title>waiting</title><script type="module">
  const answers = []
  for (let i = 0; i < 2; i++) {
    const socket = new WebSocket(location.href.replace('http', 'ws') + 'chat')
    answers.push(await new Promise(resolve => {
      socket.onopen = () => socket.send('x'.repeat(50000))
      socket.onmessage = event => (resolve(event.data.length), socket.close())
      socket.onerror = () => resolve('no socket')
    }))
  }
  const [page] = performance.getEntriesByType('navigation')
  document.title = [page.nextHopProtocol, ...answers].join(' ')
</script>`

function serve(req: IncomingMessage, res: ServerResponse): void {
  if (req.url === '/') res.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE)
  else res.writeHead(404).end()
}

interface Nghttpx {
  readonly port: number
  /** Of each WebSocket: its path, and in which versions the proxy was asked, and nghttpx. */
  readonly upgrades: readonly string[]
}

/** It speaks HTTP/2 in front of a server of WebSockets in HTTP/1.1. */
async function nghttpx(t: Test, name: string, ...more: string[]): Promise<Nghttpx> {
  const upgrades: string[] = []
  const server = createServer(serve).on('upgrade', (req, socket) => {
    const [, client, proxy] = /^(\S+) [^,]*, (\S+) nghttpx$/.exec(req.headers.via ?? '') ?? []
    upgrades.push(`${req.url} ${client} ${proxy}`)
    if (req.url === '/no') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
    else echoFrames(req, socket)
  })
  const backend = await guardServer(server)
  t.teardown(backend.stop)
  const leaf = await (await testRoot()).issue({ cn: name, sans: [name] })
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const port = await freePort()
  const child = await startChild('nghttpx', [
    ...[
      '--conf=/dev/null',
      '--single-process',
      '--workers=1',
      '--log-level=NOTICE',
      '--errorlog-file=/dev/stderr',
      '--no-ocsp',
    ],
    ...more,
    ...[`--frontend=127.0.0.1,${port}`, `--backend=127.0.0.1,${backend.port}`],
    ...[dir.file('key.pem', leaf.keyPem), dir.file('cert.pem', leaf.chainPem)],
  ])
  t.teardown(() => child.stop())
  await child.until(() => /listen/i.test(child.stderr()) || undefined, 'nghttpx to listen')
  return { port, upgrades }
}

test('nghttpx is asked for WebSockets on streams, by clients of both versions', async t => {
  const origin = await nghttpx(t, HOST)
  const stage = await start(t)
  const socket = await inside(t, stage, origin.port, ['http/1.1'])
  socket.write(upgrade(origin.port))
  const { head, rest } = await headOn(socket)
  t.match(head, /^HTTP\/1\.1 101 /)
  await exchangesFrames(t, socket, rest)
  socket.end()
  const client = await speaking(t, stage, origin.port)
  const stream = await opens(client, origin.port)
  await exchangesFrames(t, stream)
  stream.end()
  const refused = await answerOn(asks(client, origin.port, '/no'))
  t.strictSame([refused.status, String(refused.body)], [403, 'no'])
  t.strictSame(origin.upgrades, ['/chat 1.1 2', '/chat?room=1 2 2', '/no 2 2'])
})

test('nghttpx that speaks HTTP/2 alone, and ends other connections without an alert, is asked on a stream, too', async t => {
  const origin = await nghttpx(t, HOST, '--npn-list=h2')
  const { proxy } = await start(t)
  const socket = connect(proxy.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(upgrade(origin.port).replace('/chat', `https://${HOST}:${origin.port}/chat`))
  const { head, rest } = await headOn(socket)
  t.match(head, /^HTTP\/1\.1 101 /)
  await exchangesFrames(t, socket, rest)
  t.strictSame(origin.upgrades, ['/chat 1.1 2'])
})

for (const port of ['plain', 'ssl'] as const)
  test(`Chromium behind a bump on a port of kind ${port} opens WebSockets on streams, and so does the proxy`, async t => {
    const name = 'app.test'
    const stage = await startForClients(t, 'bump', [name], undefined, port === 'ssl')
    const origin = await nghttpx(t, name)
    const page = await browse(t, stage)
    await page.goto(`https://${name}:${origin.port}/`)
    await page.waitForFunction("document.title !== 'waiting'")
    t.equal(await page.title(), 'h2 50000 50000')
    t.strictSame(origin.upgrades, ['/chat 2 2', '/chat 2 2'])
  })
