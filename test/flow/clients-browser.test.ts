/** Debian's Chromium through the proxy: pages, scripts, forms and WebSockets, in absolute form, probe and bump mode. */
import { X509Certificate } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server } from 'node:net'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { browse } from '../kit/browser.js'
import { MODES, startForClients } from '../kit/client-programs.js'
import { guardServer } from '../kit/tcp-server.js'
import { echoFrames } from '../kit/web-socket.js'

const HOST = 'app.test'
const EVIL = 'evil.test'

const PAGE = `<!doctype html><title>waiting</title><link rel="stylesheet" href="/style.css"><p id="a">text</p>
<script type="module">
  import { word } from '/module.js'
  const posted = await (await fetch('/echo', { method: 'POST', body: 'x'.repeat(100000) })).text()
  const socket = new WebSocket(location.href.replace('http', 'ws'))
  const sent = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('ping')
    socket.onmessage = event => resolve(event.data)
    socket.onerror = () => reject(new Error('no socket'))
  }).catch(String)
  document.title = [word, posted.length, sent, getComputedStyle(document.getElementById('a')).color].join(' ')
</script>`

function serve(req: IncomingMessage, res: ServerResponse): void {
  if (req.url === '/echo') return void req.pipe(res)
  const [type, text] =
    req.url === '/style.css'
      ? ['text/css', 'p { color: rgb(1, 2, 3) }']
      : req.url === '/module.js'
        ? ['text/javascript', 'export const word = "module"']
        : ['text/html', PAGE]
  res.writeHead(200, { 'Content-Type': type }).end(text)
}

async function serveOn(t: Test, server: Server): Promise<number> {
  const { port, stop } = await guardServer(server.on('request', serve).on('upgrade', echoFrames))
  t.teardown(stop)
  return port
}

for (const mode of MODES) {
  test(`Chromium in ${mode} mode`, async t => {
    let isUp = false
    const stage = await startForClients(
      t,
      mode,
      [HOST, EVIL],
      ({ sni, reenable }) =>
        void reenable(sni === EVIL && !isUp ? reject('policy', 'the gate stays down') : undefined),
    )
    const { chainPem, keyPem } = await stage.root.issue({ cn: HOST, sans: [HOST, EVIL] })
    const plain = await serveOn(t, createServer())
    const secure = await serveOn(t, createTlsServer({ cert: chainPem, key: keyPem }))
    const page = await browse(t, stage)
    for (const url of [`http://${HOST}:${plain}/`, `https://${HOST}:${secure}/`]) {
      const isTunnelledPlainly = url.startsWith('http:')
      await page.goto(url)
      await page.waitForFunction("document.title !== 'waiting'")
      // A browser's WebSocket to a plain origin asks for a tunnel, in which neither mode lets anything but TLS pass.
      const socket = isTunnelledPlainly ? 'Error: no socket' : 'ping'
      t.equal(await page.title(), `module 100000 ${socket} rgb(1, 2, 3)`, url)
    }
    const answer = page.goto(`https://${EVIL}:${secure}/`)
    if (mode === 'probe') await t.rejects(answer, /ERR_TUNNEL_CONNECTION_FAILED/)
    else {
      await t.rejects(answer, /ERR_SSL_PROTOCOL_ERROR/, 'nothing is minted for it')
      isUp = true
      const next = (await page.context().browser()?.newPage()) ?? page
      await next.goto(`https://${EVIL}:${secure}/`)
      isUp = false
      const other = await serveOn(t, createTlsServer({ cert: chainPem, key: keyPem }))
      const rejected = await next.goto(`https://${EVIL}:${other}/`)
      t.equal(rejected?.status(), 502)
      t.match(await next.locator('body').innerText(), /the gate stays down/, 'the page says why')
      const details = await rejected?.securityDetails()
      t.match(new X509Certificate(stage.trustPem).subject, details?.issuer ?? 'no issuer')
    }
  })
}
