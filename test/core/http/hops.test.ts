/** How far a request may go: Max-Forwards, OPTIONS about the proxy itself, and loops. */
import { createServer } from 'node:http'
import { test } from 'tap'
import { Via } from '../../../core/http/transaction/outgoing.js'
import { rawClient } from '../../kit/client.js'
import { ask, listen, raw, startListener } from '../../kit/running-listener.js'

const echo = () =>
  createServer((req, res) => {
    res.end(JSON.stringify([req.method, req.url, req.headers['max-forwards']]))
  })

test('Max-Forwards counts down on TRACE and OPTIONS', async t => {
  const url = `http://127.0.0.1:${await listen(t, echo())}`
  const { port } = await startListener(t)
  const seen = async (method: string, hops: string): Promise<unknown> =>
    JSON.parse((await ask(port, `${url}/a`, { method, headers: { 'max-forwards': hops } })).body)
  t.same(await seen('TRACE', '3'), ['TRACE', '/a', '2'])
  t.same(await seen('OPTIONS', '1'), ['OPTIONS', '/a', '0'])
  t.same(await seen('OPTIONS', '0007'), ['OPTIONS', '/a', '6'])
  t.same(await seen('OPTIONS', '99999999999999999999'), ['OPTIONS', '/a', '999999'])
  t.same(await seen('GET', '0'), ['GET', '/a', '0'], 'and means nothing elsewhere')
})

test('with Max-Forwards 0 the proxy answers itself', async t => {
  const { port, done } = await startListener(t)
  const url = 'http://127.0.0.1:1/secret'
  const options = await ask(port, url, { method: 'OPTIONS', headers: { 'max-forwards': '0' } })
  t.match(options, { status: 200, headers: { allow: /GET.*TRACE.*CONNECT/, 'content-length': '0' } })
  const trace = await ask(port, url, {
    method: 'TRACE',
    headers: {
      'max-forwards': '0',
      'x-a': 'b',
      cookie: 'c=d',
      authorization: 'e',
      'proxy-authorization': 'f',
    },
  })
  t.match(trace, { status: 200, headers: { 'content-type': 'message/http' } })
  t.match(trace.body, /^TRACE http:\/\/127\.0\.0\.1:1\/secret HTTP\/1\.1\r\n.*x-a: b\r\n.*\r\n\r\n$/s)
  t.notMatch(trace.body, /cookie|authorization/i, 'secrets are not echoed')
  t.match(done, [{ status: 200, error: undefined, channel: undefined }, { status: 200 }])
})

test('Max-Forwards that is no number is refused', async t => {
  const { port } = await startListener(t)
  for (const hops of ['-1', 'x', '', '1, 2']) {
    const text = await raw(
      port,
      `OPTIONS http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\nMax-Forwards: ${hops}\r\n\r\n`,
    )
    t.match(text, /^HTTP\/1\.1 400 /, JSON.stringify(hops))
  }
})

test('OPTIONS * is about the proxy, and OPTIONS without a path about the origin', async t => {
  const url = `http://127.0.0.1:${await listen(t, echo())}`
  const { port } = await startListener(t)
  const client = await rawClient(port)
  t.teardown(client.stop)
  client.send('OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n')
  const own = await client.response()
  t.equal(own.status, 200)
  t.match(own.header('allow'), /GET/)
  client.send('OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n')
  t.equal((await client.response()).status, 200)
  client.send(`OPTIONS ${url} HTTP/1.1\r\nHost: x\r\n\r\n`)
  t.same(JSON.parse((await client.response()).body.toString()), ['OPTIONS', '*', null])
})

test('a request that comes back is answered 508', async t => {
  let port = 0
  const loop = createServer((req, res) => {
    const path = `http://127.0.0.1:${origin}${req.url}`
    ask(port, path, { headers: { via: req.headers.via ?? '' } }).then(
      answer => res.writeHead(answer.status, { 'Proxy-Status': answer.headers['proxy-status'] ?? '' }).end(),
      () => res.destroy(),
    )
  })
  const origin = await listen(t, loop)
  port = (await startListener(t)).port
  const answer = await ask(port, `http://127.0.0.1:${origin}/`)
  t.equal(answer.status, 508)
  t.match(answer.headers['proxy-status'], /error=proxy_loop_detected; details="PTC_LOOP_DETECTED/)
})

test('a proxy of the same name is no loop', async t => {
  const url = `http://127.0.0.1:${await listen(t, echo())}`
  const [first, second] = [await startListener(t), await startListener(t)]
  t.equal((await ask(first.port, `${url}/`, { headers: { via: '1.1 portcullis-test' } })).status, 200)
  const via = new Via('portcullis-test').ofRequest('1.1') ?? ''
  t.equal((await ask(second.port, `${url}/`, { headers: { via } })).status, 200)
})

test('a pseudonym is a token, whatever the name', async t => {
  const via = new Via('my proxy, (internal)')
  t.match(via.pseudonym, /^my-proxy---internal--[0-9a-f]{8}$/)
  t.equal(via.ofRequest('1.0'), `1.0 ${via.pseudonym}`)
  t.ok(via.isIn(`1.1 other, ${via.ofResponse('1.1')}`))
  t.notOk(via.isIn('1.1 other'))
  t.equal(new Via('x', { inRequests: false, inResponses: false }).ofRequest('1.1'), undefined)
})
