/** What plugins may fetch, from where, and within which bounds. Longer than 250 lines because every hostile source is one. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { FetchOptions, PluginFetch } from '../../../../core/api/fetch.js'
import { ProxyError } from '../../../../core/base/errors.js'
import { FetchPlaces, makeFetch } from '../../../../core/origin/fetch/fetcher.js'
import { guardServer } from '../../../kit/tcp-server.js'
import { makeTempDir } from '../../../kit/temp-dir.js'
import { poll } from '../../../kit/watch.js'

const DENIED = { code: 'PTC_FETCH_DENIED' }
const FAILED = { code: 'PTC_FETCH_FAILED' }
const WRONG = { code: 'PTC_PLUGIN_CALL' }

interface Stage {
  readonly url: string
  readonly port: number
  readonly asked: IncomingMessage[]
  readonly fetch: PluginFetch
  /** Another plugin, or the same after a restart of the proxy. */
  readonly again: (plugin?: string) => PluginFetch
  readonly warnings: string[]
  addresses: readonly string[]
  isOwn: boolean
  resolved: number
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function stage(t: Test, answer: Answer = (_, response) => response.end('it')): Promise<Stage> {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  })
  const guard = await guardServer(server)
  t.teardown(guard.stop)
  const warnings: string[] = []
  const names = {
    resolve: async () => {
      at.resolved++
      return at.addresses.map(address => ({
        address,
        family: address.includes(':') ? (6 as const) : (4 as const),
      }))
    },
    forget: () => undefined,
  }
  const isOwn = (): boolean => at.isOwn
  const make = (places: FetchPlaces, plugin: string): PluginFetch =>
    makeFetch(
      plugin,
      places,
      () => ({ names, isOwn, startTls: undefined }),
      text => warnings.push(text),
    )
  const places = new FetchPlaces()
  const at: Stage = {
    url: `http://source.test:${guard.port}/`,
    port: guard.port,
    asked,
    fetch: make(places, 'it'),
    again: plugin => (plugin === undefined ? make(new FetchPlaces(), 'it') : make(places, plugin)),
    warnings,
    addresses: ['127.0.0.1'],
    isOwn: false,
    resolved: 0,
  }
  return at
}

const HERE: FetchOptions = { allowPrivate: true, failureFor: 0 }

test('an answer, whatever its status', async t => {
  const at = await stage(t, (request, response) => {
    let body = ''
    request
      .on('data', part => (body += part))
      .on('end', () => {
        response.writeHead(request.url === '/none' ? 404 : 200, {
          'content-type': 'a/b; c=d',
          'x-a': ['1', '2'],
        })
        response.end(`${request.method} ${request.headers['x-own'] ?? ''} ${body}`)
      })
  })
  const got = await at.fetch(`${at.url}a?b#c`, { ...HERE, headers: { 'X-Own': 'mine' }, types: ['a/b'] })
  t.match(got, { status: 200, url: `${at.url}a?b`, isCached: false, headers: { 'x-a': '1, 2' } })
  t.equal(got.body.toString(), 'GET mine ')
  t.equal(at.asked[0]?.url, '/a?b')
  const post = await at.fetch(at.url, { ...HERE, method: 'POST', body: Buffer.from('bytes') })
  t.equal(post.body.toString(), 'POST  bytes')
  t.equal(
    (await at.fetch(`${at.url}none`, { ...HERE, types: ['x/y'] })).status,
    404,
    'its type is not looked at',
  )
})

test('the guard refuses URLs', async t => {
  const at = await stage(t)
  for (const url of [
    'ftp://a.test/',
    'file:///etc/passwd',
    'no url',
    'http://u:p@a.test/',
    `http://a.test/${'x'.repeat(3000)}`,
  ])
    await t.rejects(at.fetch(url, HERE), DENIED, url.slice(0, 30))
  await t.rejects(at.fetch(`http://a.test:${at.port}/`), DENIED, 'a port that is not the standard one')
  await t.rejects(at.fetch('http://a.test:443/'), DENIED, 'the port of the other scheme')
  await t.rejects(at.fetch('https://a.test/', HERE), DENIED, 'https before there is TLS')
  t.equal(at.resolved, 0, 'before a name is resolved')
})

test('the guard refuses addresses, however they are written', async t => {
  const at = await stage(t)
  for (const host of [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    '10.0.0.1',
    '[fe80::1]',
    '[fd00::1]',
    '[64:ff9b::a9fe:a9fe]',
  ])
    await t.rejects(at.fetch(`http://${host}/`, { isConfigured: true }), DENIED, host)
  at.addresses = ['10.1.2.3', '::1']
  await t.rejects(at.fetch('http://name.test/'), DENIED, 'behind a name')
  at.isOwn = true
  await t.rejects(
    at.fetch(at.url, HERE),
    DENIED,
    "the proxy's own port, even where private addresses are allowed",
  )
})

test('the address that was checked is the one that is dialled', async t => {
  const at = await stage(t)
  let turn = 0
  Object.defineProperty(at, 'addresses', { get: () => (turn++ === 0 ? ['127.0.0.1'] : ['169.254.169.254']) })
  t.equal((await at.fetch(at.url, HERE)).status, 200)
  t.equal(at.resolved, 1, 'a name is resolved once')
  // A public address on a port for private ones alone is left out, so that the private one serves.
  const mixed = await stage(t)
  mixed.addresses = ['8.8.8.8', '127.0.0.1']
  t.equal((await mixed.fetch(mixed.url, HERE)).status, 200)
})

test('redirects are few, keep the scheme, and pass the same guard', async t => {
  const at = await stage(t, (request, response) => {
    const to: Record<string, string> = {
      '/loop': '/loop',
      '/https': 'https://a.test/',
      '/away': 'http://a.test:1/',
      '/ok': '/end',
      '/file': 'file:///x',
    }
    const location = to[request.url ?? '']
    if (location === undefined) response.end('end')
    else response.writeHead(302, { location }).end()
  })
  const from = (path: string): Promise<unknown> => at.fetch(`${at.url}${path}`, HERE)
  t.match(await from('ok'), { url: `${at.url}end`, status: 200 })
  await t.rejects(from('loop'), FAILED)
  t.equal(at.asked.filter(({ url }) => url === '/loop').length, 4)
  await t.rejects(from('https'), DENIED)
  await t.rejects(from('file'), DENIED)
  at.addresses = ['10.0.0.1']
  await t.rejects(
    at.fetch(`http://127.0.0.1:${at.port}/away`, { ...HERE, allowPrivate: false, isConfigured: true }),
    DENIED,
  )
  await t.rejects(at.fetch(`${at.url}ok`, { ...HERE, method: 'POST', timeout: 500 }), FAILED)
})

test('a hostile source ends with a failure, in time', async t => {
  const answers: Record<string, Answer> = {
    '/large': (_, response) => response.writeHead(200, { 'content-length': 1_000_000 }).write('x'),
    '/endless': (_, response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1)
      response.on('close', () => clearInterval(timer))
    },
    '/drip': (_, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    },
    '/silent': () => undefined,
    '/cut': (_, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('x')
      response.socket?.end()
    },
    '/type': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    '/gzip': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    '/garbage': (_, response) => void response.socket?.end('\0\0garbage\r\n\r\n'),
    '/head': (_, response) => response.writeHead(200, { 'x-large': 'x'.repeat(20_000) }).end(),
  }
  const at = await stage(t, (request, response) => answers[request.url ?? '']?.(request, response))
  for (const path of Object.keys(answers)) {
    const options = { ...HERE, timeout: 400, types: ['application/x'] }
    await t.rejects(at.fetch(`${at.url}${path.slice(1)}`, options), FAILED, path)
  }
  await t.rejects(at.fetch(`http://127.0.0.1:1/`, { ...HERE, timeout: 400 }), FAILED, 'nothing listens')
})

test('equal questions of one plugin at the same time are one fetch', async t => {
  const held: ServerResponse[] = []
  const at = await stage(t, (_, response) => held.push(response))
  const gone = new AbortController()
  const both = [at.fetch(at.url, HERE), at.fetch(at.url, { ...HERE, signal: gone.signal })]
  const other = at.again('other')(at.url, HERE)
  await at.fetch(`${at.url}x`, { ...HERE, timeout: 300 }).catch(() => undefined)
  t.equal(at.asked.length, 3, 'the two, the other plugin, the other URL')
  gone.abort()
  await t.rejects(Promise.all(both.slice(1)), FAILED, 'one that gives up leaves')
  for (const response of held) response.end('it')
  t.equal((await both[0])?.body.toString(), 'it')
  t.equal((await other).body.toString(), 'it')
})

test('a large body is put together as it comes, and each caller has its own', async t => {
  const large = randomBytes(3_000_000)
  const it = await stage(t, async (request, response) => {
    const length = request.url?.endsWith('/short') ? large.length + 10 : large.length
    if (!request.url?.endsWith('/chunked')) response.setHeader('content-length', length)
    for (let at = 0; at < large.length; at += 700_000) {
      response.write(large.subarray(at, at + 700_000))
      await new Promise(setImmediate)
    }
    if (request.url?.endsWith('/short')) response.destroy()
    else response.end()
  })
  const bounds = { ...HERE, maxBytes: 4_000_000 }
  for (const url of [it.url, `${it.url}chunked`]) {
    const [one, other] = await Promise.all([it.fetch(url, bounds), it.fetch(url, bounds)])
    t.ok(one.body.equals(large) && other.body.equals(large))
    one.body.fill(0)
    t.ok(other.body.equals(large), 'of callers that share a fetch')
    t.ok((await it.fetch(url, bounds)).body.equals(large))
    const kept = { ...bounds, cacheFor: 60_000 }
    ;(await it.fetch(url, kept)).body.fill(0)
    const again = await it.fetch(url, kept)
    t.equal(again.isCached, true)
    t.ok(again.body.equals(large), 'of what is kept')
  }
  await t.rejects(it.fetch(`${it.url}short`, bounds), FAILED, 'no part that has not come is handed out')
})

test('a fetch that nothing waits for any more ends', async t => {
  let closed: (() => void) | undefined
  const over = new Promise<void>(resolve => (closed = resolve))
  const at = await stage(t, (_, response) => response.on('close', () => closed?.()))
  const gone = new AbortController()
  const fetch = at.fetch(at.url, { ...HERE, timeout: 60_000, signal: gone.signal })
  await poll(() => at.asked.length > 0, 'the request')
  gone.abort()
  await t.rejects(fetch, FAILED)
  await over
})

test('answers are kept in memory and in a folder, failures for a short time', async t => {
  let status = 200
  const at = await stage(t, (_, response) => response.writeHead(status).end('kept'))
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const cacheDir = join(dir.path, 'cache')
  const keep = { ...HERE, cacheFor: 60_000, cacheDir }
  t.equal((await at.fetch(at.url, keep)).isCached, false)
  const second = await at.fetch(at.url, keep)
  t.match([second.isCached, second.body.toString()], [true, 'kept'])
  second.body.fill(0)
  t.equal((await at.again()(at.url, keep)).body.toString(), 'kept', 'after a restart')
  t.equal((await at.fetch(at.url, HERE)).isCached, false, 'one that wants it fresh has it fresh')
  t.equal(at.asked.length, 2)
  const [file = ''] = readdirSync(cacheDir)
  const path = join(cacheDir, file)
  for (const bytes of [readFileSync(path).subarray(0, -1), Buffer.from('{}'), Buffer.alloc(0)]) {
    writeFileSync(path, bytes)
    t.equal((await at.again()(at.url, keep)).isCached, false, 'what is not whole is no answer')
  }
  t.equal(
    (await at.again()(at.url, { ...keep, cacheDir: path })).status,
    200,
    'a folder that cannot be written',
  )
  t.match(at.warnings.join(), `cannot be kept in ${path}`)
  status = 500
  t.equal((await at.fetch(`${at.url}bad`, keep)).status, 500)
  t.equal((await at.fetch(`${at.url}bad`, keep)).isCached, false, 'only what is good is kept')
  const before = at.resolved
  const failing = { ...HERE, maxBytes: 1, failureFor: 60_000 }
  await t.rejects(at.fetch(at.url, failing), FAILED)
  await t.rejects(at.fetch(at.url, failing), FAILED)
  t.equal(at.resolved, before + 1, 'a failure is remembered')
})

test('options that are none are refused', async t => {
  const at = await stage(t)
  for (const options of [
    { method: 'PUT' },
    { timeout: 0 },
    { timeout: 1e9 },
    { maxBytes: -1 },
    { body: 'of a GET' },
    { method: 'POST', body: 1 },
    { headers: { Host: 'a' } },
    { headers: { 'x y': 'a' } },
    { headers: { x: 'a\r\nb' } },
    { types: 'a/b' },
    { allowPrivate: 'yes' },
    { cacheDir: 'relative' },
    { signal: {} },
    { maxByte: 1 },
  ])
    await t.rejects(at.fetch(at.url, options as FetchOptions), WRONG, JSON.stringify(options))
  t.equal(ProxyError.codeOf(await at.fetch(1 as never).catch(error => error)), 'PTC_FETCH_DENIED')
})
