/** Each version of HTTP towards the client with each towards the origin: what a message is made of, ends, and cuts. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { test } from 'tap'
import { inEachMix, mixed, whole } from '../kit/http-mixes.js'
import { poll } from '../kit/watch.js'

test('bodies, and answers without one', async top =>
  inEachMix(top, async (t, mix) => {
    const seen: unknown[] = []
    const { ask } = await mixed(t, mix, (req, res) => {
      seen.push([req.method, req.httpVersion.replace('2.0', '2')])
      if (req.url === '/204') return void res.writeHead(204).end()
      if (req.url === '/304') return void res.writeHead(304, { etag: '"a"' }).end()
      if (req.url === '/length') res.setHeader('content-length', '100000')
      if (req.method === 'POST') return void req.pipe(res)
      res.write('x'.repeat(50_000))
      res.end('x'.repeat(50_000))
    })
    for (const path of ['/length', '/chunks']) {
      const request = await ask('GET', path)
      const { status, headers, body } = await request.head
      t.equal((await whole(body)).length, 100_000, path)
      t.strictSame(
        [status, headers['content-length'], request.isWhole()],
        [200, path === '/length' ? '100000' : undefined, true],
      )
      const head = await ask('HEAD', path)
      const answer = await head.head
      t.strictSame([answer.status, (await whole(answer.body)).length, head.isWhole()], [200, 0, true])
    }
    for (const headers of [{ 'content-length': '300000' }, {}]) {
      const post = await ask('POST', '/echo', headers)
      post.out.write(Buffer.alloc(200_000, 'a'))
      post.out.write(Buffer.alloc(100_000, 'b'))
      post.end()
      const body = await whole((await post.head).body)
      t.strictSame([body.length, body.indexOf('b'), post.isWhole()], [300_000, 200_000, true])
    }
    for (const status of [204, 304]) {
      const request = await ask('GET', `/${status}`)
      const answer = await request.head
      t.strictSame([answer.status, (await whole(answer.body)).length, request.isWhole()], [status, 0, true])
    }
    t.ok(
      seen.every(entry => Array.isArray(entry) && entry[1] === mix[1]),
      'the origin was asked in its version',
    )
  }))

test('trailers in both directions, and interim responses', async top =>
  inEachMix(top, async (t, mix) => {
    const { ask } = await mixed(t, mix, (req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' })
      req.resume().on('end', () => {
        res.writeHead(200, { trailer: 'x-last', 'x-received': String(req.trailers['x-sum']) })
        res.write('body')
        res.addTrailers({ 'x-last': 'sum', 'x-more': 'yes' })
        res.end()
      })
    })
    const request = await ask('POST', '/', { trailer: 'x-sum', te: 'trailers' })
    request.out.write('some')
    request.end({ 'x-sum': '42' })
    const { status, headers, body } = await request.head
    t.equal(String(await whole(body)), 'body')
    t.strictSame([status, headers['x-received'], request.isWhole()], [200, '42', true])
    t.match(request.trailers(), { 'x-last': 'sum', 'x-more': 'yes' })
    t.strictSame(request.interim, [103])
  }))

test('both directions at once, and each ends by itself', async top =>
  inEachMix(top, async (t, mix) => {
    let after: ServerResponse | undefined
    let taken = 0
    const { ask } = await mixed(t, mix, (req, res) => {
      if (req.url === '/echo') {
        res.flushHeaders()
        req.on('data', bytes => res.write(bytes)).on('end', () => res.end('end'))
      } else if (req.url === '/later') {
        req.resume().on('end', () => {
          after = res
          res.write('first')
        })
      } else {
        res.writeHead(200, { 'content-length': '5' }).end('early')
        req.on('data', ({ length }: Buffer) => {
          taken += length
        })
      }
    })
    const echo = await ask('POST', '/echo')
    const answer = await echo.head
    for (const word of ['one', 'two', 'three']) {
      echo.out.write(word)
      t.equal(String((await once(answer.body, 'data'))[0]), word, 'before the request has ended')
    }
    echo.end()
    t.equal(String(await whole(answer.body)), 'end')
    t.ok(echo.isWhole())

    const later = await ask('POST', '/later')
    later.end()
    const { body } = await later.head
    t.equal(String((await once(body, 'data'))[0]), 'first', 'the client has ended its direction')
    const rest = whole(body)
    after?.write('second')
    after?.end('third')
    t.equal(String(await rest), 'secondthird')
    t.ok(later.isWhole())

    const early = await ask('POST', '/early')
    early.out.on('error', () => {})
    early.out.write('begin')
    t.equal(String(await whole((await early.head).body)), 'early', 'though the request has not ended')
    t.ok(taken <= 5)
  }))

test('events arrive one by one', async top =>
  inEachMix(top, async (t, mix) => {
    let stream: ServerResponse | undefined
    const { ask } = await mixed(t, mix, (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
      res.flushHeaders()
      stream = res
    })
    const request = await ask('GET', '/')
    const { body } = await request.head
    for (const event of ['data: 1\n\n', ': a comment\n\n', 'data: 2\n\n']) {
      stream?.write(event) // the next one is not sent before this one has come
      t.equal(String((await once(body, 'data'))[0]), event)
    }
    stream?.end()
    await whole(body)
    t.ok(request.isWhole())
  }))

test('a client that leaves, and an origin that breaks off', async top =>
  inEachMix(top, async (t, mix) => {
    const gone: (number | undefined)[] = []
    let broken: ServerResponse | undefined
    const { ask } = await mixed(t, mix, (req, res) => {
      const { stream } = res as unknown as { stream?: ServerHttp2Stream }
      if (req.url === '/leave') {
        if (stream === undefined) req.socket.once('close', () => gone.push(undefined))
        else stream.once('close', () => gone.push(stream.rstCode))
      } else broken = res
      req.on('error', () => {})
      res.on('error', () => {})
      if (req.url === '/length') res.setHeader('content-length', '1000')
      res.write('begin')
    })
    const left = await ask('POST', '/leave')
    left.out.on('error', () => {})
    const { body } = await left.head
    await once(body, 'data')
    left.leave()
    await poll(() => gone.length > 0 || undefined, 'the end at the origin')
    t.strictSame(gone, [mix[1] === '2' ? 8 : undefined], 'CANCEL, or the end of the connection')
    for (const path of ['/length', '/chunks']) {
      const request = await ask('GET', path)
      const answer = await request.head
      const rest = whole(answer.body)
      await once(answer.body, 'data')
      const { stream } = broken as unknown as { stream?: ServerHttp2Stream }
      if (stream === undefined) broken?.destroy()
      else stream.close(8)
      t.equal(String(await rest), 'begin')
      t.notOk(request.isWhole(), `${path}: it looks complete to no client`)
    }
  }))
