/** What plugins seal: what an origin gets and answers, and other plugins do not see. */
import { createServer } from 'node:net'
import { type Test, test } from 'tap'
import type { Seal } from '../../core/api/seal.js'
import type { SendRequestEvent } from '../../core/api/transaction-hooks.js'
import { reject } from '../../core/api/verdict.js'
import { get, getOn, rawClient, requestText } from '../kit/client.js'
import { GATE_MODULE, HookGate, READ_RESPONSE, SEND_REQUEST, SEND_RESPONSE, yes } from '../kit/gate.js'
import { listen } from '../kit/running-listener.js'
import { bothOrigins, gateStage, HOST } from '../kit/start-gate.js'

const sealing =
  (seal: Seal) =>
  (event: SendRequestEvent): unknown => {
    event.seal(seal)
    return event.reenable()
  }

/** Changes every x, wherever it is, and keeps back what it has until the end. */
function hideX(): Seal['response'] {
  const kept: Buffer[] = []
  return {
    text: text => text.replaceAll('x', '*'),
    body: (bytes, isLast) => {
      kept.push(Buffer.from(bytes))
      if (!isLast) return Buffer.alloc(0)
      return Buffer.from(Buffer.concat(kept).toString('latin1').replaceAll('x', '*'), 'latin1')
    },
  }
}

/** An origin that answers each request on a connection with these bytes. */
async function scripted(t: Test, ...pieces: string[]): Promise<{ url: string; received: () => string }> {
  let received = ''
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.on('data', async bytes => {
      received += bytes.toString('latin1')
      if (!received.endsWith('\r\n\r\n')) return
      for (const piece of pieces) {
        socket.write(piece, 'latin1')
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    })
  })
  const port = await listen(t, server)
  return { url: `http://${HOST}:${port}/shown`, received: () => received }
}

test('what is sealed reaches the origin, and no other plugin', async t => {
  const { secure } = await bothOrigins(t)
  const later = new HookGate({ [SEND_REQUEST]: yes })
  const sealed = sealing({ path: '/hidden?key=1', fields: { Authorization: 'Bearer real', 'X-New': 'a' } })
  const first = new HookGate({ [SEND_REQUEST]: sealed })
  const { port } = await gateStage(t, {}, { modules: GATE_MODULE, plugins: [first.line, later.line] })
  t.teardown(() => {
    first.stop()
    later.stop()
  })
  const url = `https://${HOST}:${secure.port}/shown`
  const client = await rawClient(port)
  for (let i = 0; i < 2; i++) {
    t.equal((await getOn(client, url, ['Authorization: Bearer fake', 'authorization: twice'])).status, 200)
    t.match(secure.requests[i], {
      url: '/hidden?key=1',
      headers: { authorization: 'Bearer real', 'x-new': 'a' },
    })
    const seen = later.of(SEND_REQUEST)[i]
    t.equal(seen?.url, url)
    t.strictSame(seen?.headers.getAll('authorization'), ['Bearer fake', 'twice'])
    t.match(seen?.origin.verified, { host: HOST, builtIn: { ok: true }, chain: [{ subject: /start\.test/ }] })
  }
  client.stop()
  const [event] = first.of(SEND_REQUEST)
  t.throws(() => event?.seal({}), { code: 'PTC_PLUGIN_CALL', message: /the turn of the plugin is over/ })
})

test('a response passes through the seal before plugins and the client see it', async t => {
  const origin = await scripted(
    t,
    'HTTP/1.1 103 Ex\r\nLink: <x>\r\n\r\n',
    'HTTP/1.1 200 exact\r\nx-field: ax\r\nb: xyz\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nax\r\n',
    '3\r\nxbx\r\n0\r\nTrail: xx\r\n\r\n',
  )
  const { gate, port } = await gateStage(t, {
    [SEND_REQUEST]: event => sealing({ response: hideX() as NonNullable<Seal['response']> })(event),
    [READ_RESPONSE]: yes,
    [SEND_RESPONSE]: yes,
  })
  const client = await rawClient(port)
  client.send(requestText(origin.url, ['TE: trailers', 'Connection: TE']))
  await client.until(() => client.text().endsWith('Trail: **\r\n\r\n') || undefined, 'the trailers')
  const [interim = '', raw = ''] = client.text().split(/(?=HTTP\/1\.1 200)/)
  t.match(interim, /^HTTP\/1\.1 103 E\*\r\nLink: <\*>\r\n/)
  t.match(raw, /HTTP\/1\.1 200 e\*act\r\n(?:.+\r\n)*b: \*yz\r\n/)
  t.notMatch(raw, /field|x/, 'a field with such a name is removed')
  t.match(raw, /5\r\na\*\*b\*\r\n0\r\nTrail: \*\*\r\n\r\n$/)
  t.equal(gate.of(READ_RESPONSE)[0]?.headers.get('b'), '*yz')
  client.stop()
})

const bad = (response: Partial<NonNullable<Seal['response']>>): Seal => ({
  response: { text: text => text, body: bytes => bytes, ...response },
})

test('a seal that does not keep its word ends the response', async t => {
  const { plain } = await bothOrigins(t)
  const url = `http://${HOST}:${plain.port}/bytes/4`
  const cases: readonly [string, Seal, RegExp][] = [
    ['more bytes than have come', bad({ body: () => Buffer.from('many more bytes') }), /^(?!.*many)/s],
    ['fewer at the end', bad({ body: bytes => bytes.subarray(1) }), /^(?!.*xxxx)/s],
    ['a text with a line break', bad({ text: text => `${text}\r\nX: y` }), /502 .*PTC_PLUGIN_FAILED|500 /s],
    [
      'it throws',
      bad({
        text: () => {
          throw new Error('oops')
        },
      }),
      /500 .*PTC_PLUGIN_FAILED/s,
    ],
  ]
  for (const [what, seal, expected] of cases) {
    const { port } = await gateStage(t, { [SEND_REQUEST]: sealing(seal) })
    const client = await rawClient(port)
    client.send(requestText(url, ['Connection: close']))
    await client.ended()
    const text = client.text()
    client.stop()
    t.match(text, expected, what)
    t.notMatch(text, /\r\n\r\nxxxx$/, what)
  }
})

test('a sealed response cannot switch protocols', async t => {
  const upgrade = 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: thing\r\n\r\nsecret'
  const origin = await scripted(t, upgrade)
  const { port } = await gateStage(t, { [SEND_REQUEST]: sealing(bad({})) })
  const { status, body } = await get(port, origin.url, ['Connection: Upgrade', 'Upgrade: thing'])
  t.equal(status, 502)
  t.notMatch(body.toString(), /secret/)
})

test('a piece of the body that is refused does not leave', async t => {
  const { plain } = await bothOrigins(t)
  const no = reject('policy', 'not in a body')
  const requestBody = (bytes: Buffer) => (bytes.includes('bad') ? no : undefined)
  const { port } = await gateStage(t, { [SEND_REQUEST]: sealing({ requestBody }) })
  const head = `POST http://${HOST}:${plain.port}/echo HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n`
  for (const [rest, status] of [
    ['Content-Length: 4\r\n\r\ngood', 200],
    ['Content-Length: 3\r\n\r\nbad', 403],
    ['Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: bad\r\n\r\n', 403],
  ] as const) {
    const client = await rawClient(port)
    client.send(head + rest)
    const response = await client.response('POST')
    t.equal(response.status, status)
    if (status === 403) t.match(response.body.toString(), /not in a body[\s\S]*PTC_PLUGIN_REFUSED_REQUEST/)
    client.stop()
  }
  t.equal(plain.requests.filter(({ isComplete }) => isComplete).length, 1)
})

test('a seal is checked when it is made, counts for nothing in shadow mode, and is not for workers', async t => {
  const { plain } = await bothOrigins(t)
  const url = `http://${HOST}:${plain.port}/`
  const wrong: readonly [unknown, RegExp][] = [
    [undefined, /takes an object/],
    [{ pth: '/' }, /has no pth/],
    [{ path: 'a' }, /path begins with/],
    [{ path: '/a b' }, /path begins with/],
    [{ fields: { Host: 'x' } }, /belongs to the connection/],
    [{ fields: { A: 'b\r\nc: d' } }, /visible characters/],
    [{ response: {} }, /response has text and body/],
    [{ requestBody: 1 }, /requestBody is a function/],
  ]
  const said: unknown[] = []
  const { port } = await gateStage(t, {
    [SEND_REQUEST]: event => {
      for (const [seal] of wrong) {
        try {
          event.seal(seal as Seal)
        } catch (cause) {
          said.push(cause)
        }
      }
      event.reenable()
    },
  })
  t.equal((await get(port, url)).status, 200)
  t.match(
    said,
    wrong.map(([, message]) => ({ code: 'PTC_PLUGIN_CALL', message })),
  )

  const seal = sealing({ path: '/sealed' })
  const shadow = await gateStage(t, { [SEND_REQUEST]: seal }, { options: '@mode=shadow' })
  t.equal((await get(shadow.port, `${url}open`)).status, 200)
  t.equal(plain.requests.at(-1)?.url, '/open')

  const module = `export default ({ hookAdd, isIsolated, note }) => {
    note('isolated ' + isIsolated)
    hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', event => { event.seal({ path: '/x' }); event.reenable() })
  }`
  const worker = await gateStage(
    t,
    {},
    { modules: { 'w.mjs': module, ...GATE_MODULE }, plugins: ['w.mjs @isolate=worker'] },
  )
  t.equal((await get(worker.port, url)).status, 500)
  await worker.proxy.until(/isolated true/)
  await worker.proxy.until(/seal does not work with @isolate=worker/)
})
