/** What RFC 9110 and 9112 demand of each message that goes through. */
import { createServer, type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { type RawClient, rawClient } from '../../kit/client.js'
import { type RawScript, rawOrigin } from '../../kit/raw-origin.js'
import { ask, listen, startListener } from '../../kit/running-listener.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

async function origin(t: Test, handler: Handler): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer(handler))}`
}

async function raw(t: Test, script: RawScript) {
  const running = await rawOrigin(script)
  t.teardown(running.stop)
  return { ...running, url: `http://127.0.0.1:${running.port}` }
}

/** Answers every request without a body on a connection, in the order in which they come. */
const answerEach =
  (answers: (n: number, head: string) => string): RawScript =>
  async connection => {
    for (let n = 0, at = 0; ; n += 1) {
      const end = await connection.until(() => {
        const found = connection.text().indexOf('\r\n\r\n', at)
        return found >= 0 ? found : connection.endedAt === undefined ? undefined : -1
      }, `request ${n}`)
      if (end < 0) return
      connection.send(answers(n, connection.text().slice(at, end)))
      at = end + 4
    }
  }

async function clientOf(t: Test, port: number): Promise<RawClient> {
  const client = await rawClient(port)
  t.teardown(client.stop)
  return client
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const get = (url: string, ...fields: string[]): string =>
  `${[`GET ${url} HTTP/1.1`, 'Host: x', ...fields].join('\r\n')}\r\n\r\n`

test('every method that the parser knows goes through as it is', async t => {
  const url = await origin(t, (req, res) => res.setHeader('X-Method', req.method ?? '').end())
  const { port } = await startListener(t)
  for (const method of METHODS) {
    if (method === 'CONNECT') continue
    const { status, headers } = await ask(port, `${url}/`, { method })
    t.equal(`${status} ${headers['x-method']}`, `200 ${method}`)
  }
})

test('a method that the parser does not know is answered 501', async t => {
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send('FROBNICATE http://x/ HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response()).status, 501)
  await client.ended()
})

test('a 100 comes from the origin, with its fields, and also to a client that has not asked for it', async t => {
  const { port } = await startListener(t)
  for (const [version, expect] of [
    ['1.1', 'Expect: 100-continue\r\n'],
    ['1.1', ''],
    ['1.0', 'Expect: 100-continue\r\n'],
  ] as const) {
    const { url } = await raw(t, async connection => {
      await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a head')
      connection.send('HTTP/1.1 100 Continue\r\nX-Queue: 7\r\n\r\n')
      await connection.until(() => connection.text().endsWith('hello') || undefined, 'the body')
      connection.send(OK)
    })
    const client = await clientOf(t, port)
    client.send(`POST ${url}/ HTTP/${version}\r\nHost: x\r\nContent-Length: 5\r\n${expect}\r\n`)
    if (version === '1.1') {
      const { status, reason, header } = await client.response()
      t.strictSame([status, reason, header('x-queue')], [100, 'Continue', '7'], expect)
    }
    client.send('hello')
    t.equal((await client.response()).status, 200, `${version} ${expect}`)
  }
})

test('a client that is refused before its body is not asked for it, and its connection ends', async t => {
  const { url } = await raw(
    t,
    answerEach(() => 'HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n'),
  )
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(`POST ${url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`)
  const answer = await client.response()
  t.equal(answer.status, 417)
  t.equal(answer.header('connection'), 'close', 'or its next request could be taken for the body')
  await client.ended()
})

test('an expectation other than 100-continue is the business of the origin', async t => {
  const { url } = await raw(
    t,
    answerEach((_, head) => (/\r\nexpect: tea/i.test(head) ? OK : 'no')),
  )
  const { port } = await startListener(t)
  t.equal((await ask(port, `${url}/`, { headers: { expect: 'tea' } })).body, 'ok')
})

test('interim responses go to clients of HTTP/1.1 only, in order', async t => {
  const interim = 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  const { url } = await raw(
    t,
    answerEach(() => interim + OK),
  )
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(get(`${url}/`) + get(`${url}/`))
  for (const status of [102, 103, 200, 102, 103, 200]) t.equal((await client.response()).status, status)
  const old = await clientOf(t, port)
  old.send(`GET ${url}/ HTTP/1.0\r\n\r\n`)
  t.equal((await old.response()).status, 200)
})

test('trailers go through both ways', async t => {
  const url = await origin(t, (req, res) => {
    res.setHeader('Trailer', 'X-Sum')
    req.pipe(res, { end: false })
    req.on('end', () => {
      res.addTrailers({
        'X-Sum': `${req.headers['te']} ${req.trailers['x-sum']} ${req.trailers['set-cookie']}`,
      })
      res.end()
    })
  })
  const { port } = await startListener(t)
  const answer = await ask(port, `${url}/`, {
    method: 'POST',
    headers: { te: 'trailers', 'transfer-encoding': 'chunked', trailer: 'X-Sum' },
    onRequest: req => {
      req.write('body')
      req.addTrailers({ 'X-Sum': '42', 'Set-Cookie': 'a=b' })
    },
  })
  t.equal(answer.body, 'body')
  t.same(answer.trailers, { 'x-sum': 'trailers 42 undefined' })
})

test('HEAD, 204 and 304 have no body, whatever their fields say', async t => {
  const answers: Record<string, string> = {
    '/head': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n',
    '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    '/204': 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n',
  }
  const running = await raw(
    t,
    answerEach((_, head) => answers[head.split(' ')[1] ?? ''] ?? OK),
  )
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  const cases = [
    ['HEAD', '/head', 200, '10'],
    ['HEAD', '/chunked', 200, undefined],
    ['GET', '/204', 204, undefined],
    ['GET', '/304', 304, '10'],
    ['GET', '/', 200, '2'],
  ] as const
  for (const [method, path, status, length] of cases) {
    client.send(get(running.url + path).replace('GET', method))
    const answer = await client.response(method)
    t.equal(answer.status, status, `${method} ${path}`)
    t.equal(answer.header('content-length'), length)
    t.equal(answer.header('transfer-encoding'), undefined)
  }
  t.equal(running.connections.length, 1, 'on one connection to the origin')
})

test('a response without Date gets one, and one that has it keeps it', async t => {
  const then = 'Sun, 06 Nov 1994 08:49:37 GMT'
  const { url } = await raw(
    t,
    answerEach((_, head) => (head.includes('/dated') ? OK.replace('\r\n', `\r\nDate: ${then}\r\n`) : OK)),
  )
  const { port } = await startListener(t)
  t.equal((await ask(port, `${url}/dated`)).headers.date, then)
  const { date } = (await ask(port, `${url}/`)).headers
  t.ok(Math.abs(Date.parse(date ?? '') - Date.now()) < 5000)
  t.ok((await ask(port, 'http://127.0.0.1:1/')).headers.date, 'pages have one, too')
})

test('a request that does not arrive in time is answered 408', async t => {
  const { port } = await startListener(t, { limits: { headersTimeout: 60 }, forwarder: { idleTimeout: 60 } })
  const slowHead = await clientOf(t, port)
  slowHead.send('GET http://x/ HTTP/1.1\r\nHo')
  t.equal((await slowHead.response()).status, 408)
  await slowHead.ended()
  const { url } = await raw(t, () => undefined)
  const slowBody = await clientOf(t, port)
  slowBody.send(`POST ${url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel`)
  const answer = await slowBody.response()
  t.equal(answer.status, 408)
  t.equal(answer.header('connection'), 'close')
  await slowBody.ended()
})

test('Via names the version in which each message came', async t => {
  const { url } = await raw(t, async connection => {
    await connection.untilBytes(1)
    const via = /\r\nVia: (.*)\r\n/.exec(connection.text())?.[1]
    connection.send(`HTTP/1.0 200 OK\r\nX-Via: ${via}\r\nContent-Length: 0\r\n\r\n`)
  })
  const { port } = await startListener(t)
  const modern = (await ask(port, `${url}/`)).headers
  t.match(modern['x-via'], /^1\.1 portcullis-test-/)
  t.match(modern.via, /^1\.0 portcullis-test-/)
  const client = await clientOf(t, port)
  client.send(`GET ${url}/ HTTP/1.0\r\n\r\n`)
  t.match((await client.response()).header('x-via'), /^1\.0 portcullis-test-/)
})
