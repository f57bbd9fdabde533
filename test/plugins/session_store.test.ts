/** Sessions of clients in memory, Redis and memcached: real servers, and OpenSSL's own client. */
import { type Test, test } from 'tap'
import { natives } from '../kit/handshakes.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, startProxy } from '../kit/proxy.js'
import { sClient } from '../kit/s-client.js'
import { HELLO, REQUEST, SECURE_FILES, type SecureProxy, secureProxy } from '../kit/secure-proxy.js'
import { makeKey, type RunningRedis, startMemcached, startRedis, startSecureRedis } from '../kit/stores.js'
import { listen } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'

const VERSIONS = ['1.2', '1.3'] as const
const dir = makeTempDir()
const key = makeKey()
const KEYS = dir.file('session.keys', key)
let files = 0

type Ask = SecureProxy['client']
type Options = NonNullable<Parameters<Ask>[0]>

/** A full handshake, and what is needed to resume it. */
async function fullHandshake(t: Test, client: Ask, options: Options): Promise<string> {
  const file = `${dir.path}/session-${++files}.pem`
  const result = await client({ ...options, args: ['-sess_out', file] })
  t.match(result, { isResumed: false, body: HELLO })
  return file
}

/** Whether a session is resumed; the request has to be answered in either case. */
async function isResumed(t: Test, client: Ask, options: Options, file: string): Promise<boolean | undefined> {
  const result = await client({ ...options, args: ['-sess_in', file] })
  t.equal(result.body, HELLO, 'answered')
  return result.isResumed
}

/** The same, when what is stored may still be on its way. */
async function soonResumed(t: Test, client: Ask, options: Options, file: string): Promise<boolean> {
  for (let tries = 0; tries < 20; tries++) if (await isResumed(t, client, options, file)) return true
  return false
}

/** With a long deadline: on a busy machine a store is no faster than the rest. */
const plugin = (store: string, deadline = 5000): string =>
  `session_store store=${store} key_file=${KEYS} deadline=${deadline}`

/** The store's entries, when all writes of the proxy are done. */
async function settled(store: RunningRedis, count: number): Promise<Map<string, Buffer>> {
  for (let tries = 0; tries < 100; tries++) {
    const all = await store.all()
    if (all.size >= count) return all
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('nothing has been stored')
}

for (const tls of VERSIONS) {
  test(`TLS ${tls}: sessions in memory`, async t => {
    const { client } = await secureProxy(t, [], { plugins: ['session_store'] })
    const file = await fullHandshake(t, client, { tls })
    t.equal(await isResumed(t, client, { tls }, file), true)
    const other = await secureProxy(t, [], { plugins: ['session_store'] })
    t.equal(await isResumed(t, other.client, { tls }, file), false, 'of this process alone')
  })
}

for (const [name, start] of Object.entries({ Redis: startRedis, memcached: startMemcached })) {
  test(`${name}: two processes of the proxy share sessions`, async t => {
    const store = await start()
    t.teardown(() => store.stop())
    const conf: ProxyConf = {
      hosts: ['origin.example'],
      plugins: [plugin(store.url)],
      files: SECURE_FILES,
      records: { 'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1' },
    }
    // One is the program, the other is in the process of the test.
    const { port, stop } = await startProxy(conf)
    t.teardown(stop)
    const a: Ask = options => sClient({ port, servername: 'proxy.example', request: REQUEST, ...options })
    const { client: b } = await secureProxy(t, [], { plugins: conf.plugins ?? [] })
    for (const tls of VERSIONS) {
      const file = await fullHandshake(t, a, { tls })
      t.equal(await soonResumed(t, b, { tls }, file), true, `TLS ${tls}: by the other process`)
      t.equal(await isResumed(t, a, { tls }, file), true, 'and by the first one')
      t.match(
        await b({ tls, servername: 'other.example', args: ['-sess_in', file] }),
        { body: HELLO },
        'for another name there is an answer, too',
      )
    }
  })

  test(`${name}: a store that is down costs a full handshake`, async t => {
    const store = await start()
    const { client, proxy } = await secureProxy(t, [], { plugins: [plugin(store.url)] })
    const file = await fullHandshake(t, client, {})
    t.equal(await soonResumed(t, client, {}, file), true)
    await store.stop()
    t.equal(await isResumed(t, client, {}, file), false)
    await proxy.until(/NOTE.*session store fails/)
    t.equal(await isResumed(t, client, {}, file), false)
  })
}

test('Redis, asked by worker threads', async t => {
  const store = await startRedis()
  t.teardown(() => store.stop())
  const isolated = plugin(store.url).replace('session_store ', 'session_store @isolate=worker ')
  const { client } = await secureProxy(t, [], { plugins: [isolated] })
  for (const tls of VERSIONS) {
    const before = (await store.all()).size
    const file = await fullHandshake(t, client, { tls })
    await settled(store, before + 1)
    t.equal(await isResumed(t, client, { tls }, file), true, `TLS ${tls}`)
  }
})

test('Redis over TLS, with an authority of its own', async t => {
  const [root, other] = [await makeAuthority({ name: 'Redis' }), await makeAuthority({ name: 'Other' })]
  const redis = await startSecureRedis(await root.issue({ cn: 'redis.test', sans: ['127.0.0.1'] }))
  t.teardown(redis.stop)
  const line = (file: string): string =>
    `${plugin(`rediss://127.0.0.1:${redis.securePort}`)} ca_file=${dir.file(`${++files}.pem`, file)}`
  const { client } = await secureProxy(t, [], { plugins: [line(root.certPem)] })
  const file = await fullHandshake(t, client, {})
  t.equal(await soonResumed(t, client, {}, file), true)
  const wrong = await secureProxy(t, [], { plugins: [line(other.certPem)] })
  t.equal(await isResumed(t, wrong.client, {}, file), false)
  await wrong.proxy.until(/NOTE.*session store fails.*certificate/)
})

test('what is stored is sealed, and what has been tampered with is not used', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { client, proxy } = await secureProxy(t, [], { plugins: [plugin(redis.url)] })
  const [first, second] = [
    await fullHandshake(t, client, { tls: '1.2' }),
    await fullHandshake(t, client, { tls: '1.2' }),
  ]
  const stored = [...(await settled(redis, 2))]
  t.equal(stored.length, 2)
  for (const [name, bytes] of stored) {
    t.match(name, /^portcullis:tls:[\w-]{43}$/)
    t.notMatch(bytes.toString('latin1'), /proxy\.example/, 'no name is in it')
  }
  const restore = async (change: (bytes: Buffer, index: number) => Buffer): Promise<void> => {
    for (const [index, [name, bytes]] of stored.entries()) await redis.put(name, change(bytes, index))
  }
  const changes: Record<string, (bytes: Buffer, index: number) => Buffer> = {
    'one bit': bytes => {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1)
      return copy
    },
    'cut short': bytes => bytes.subarray(0, 20),
    empty: () => Buffer.alloc(0),
    junk: () => Buffer.from('x'.repeat(70_000)),
    "another session's": (_, index) => stored[1 - index]?.[1] ?? Buffer.alloc(0),
  }
  for (const [what, change] of Object.entries(changes)) {
    await restore(change)
    t.equal(await isResumed(t, client, { tls: '1.2' }, first), false, what)
  }
  await proxy.until(/NOTE.*a session that cannot be used/)
  await restore(bytes => bytes)
  t.equal(await isResumed(t, client, { tls: '1.2' }, second), true, 'as it was')

  const others = await secureProxy(t, [], {
    plugins: [plugin(redis.url).replace(KEYS, dir.file('other.keys', makeKey()))],
  })
  t.equal(await isResumed(t, others.client, { tls: '1.2' }, second), false, 'without the key')
  const rotated = await secureProxy(t, [], {
    plugins: [plugin(redis.url).replace(KEYS, dir.file('new.keys', `# new, old\n${makeKey()}${key}`))],
  })
  t.equal(
    await isResumed(t, rotated.client, { tls: '1.2' }, second),
    true,
    'with a new key before the old one',
  )
})

const DEADLINE = 500

test('a store that does not answer costs its deadline, and then nothing for a while', async t => {
  let isAsked = false
  const { port, stop } = await listen(socket => {
    socket.on('data', () => {
      isAsked = true // and nothing is answered
    })
  })
  t.teardown(stop)
  const memory = await secureProxy(t, [], { plugins: ['session_store'] })
  const file = await fullHandshake(t, memory.client, {})
  for (const scheme of ['memcached', 'redis']) {
    const { client, proxy } = await secureProxy(t, [], {
      plugins: [plugin(`${scheme}://127.0.0.1:${port}`, DEADLINE)],
    })
    const asked: boolean[] = []
    for (let i = 0; i < 6; i++) {
      isAsked = false
      const [took, usual] = [await timeOf(client), await timeOf(memory.client)]
      asked.push(isAsked)
      if (scheme === 'memcached' && i === 0) t.ok(took >= DEADLINE, 'the first client waits')
      // As long as the deadline and no longer, beside a client of another proxy on the same, busy machine.
      t.ok(took < DEADLINE + 3 * usual + 500, `${scheme}: ${took} ms, without a store ${usual}`)
    }
    if (scheme === 'memcached')
      t.ok(asked[0] === true && asked.includes(false), 'when nobody has been answered, it is left alone')
    await proxy.until(/NOTE.*session store fails/)
  }

  async function timeOf(client: Ask): Promise<number> {
    const since = performance.now()
    await isResumed(t, client, {}, file)
    return Math.round(performance.now() - since)
  }
})

test('session_store checks the arguments of its line', async t => {
  const cases: Record<string, RegExp> = {
    'store=redis://127.0.0.1:1': /store=redis needs key_file/,
    'store=redis://127.0.0.1:1 key_file=keys': /must be an absolute path/,
    'store=redis://127.0.0.1:1 key_file=/no/such/key': /ENOENT/,
    [`store=memcached://127.0.0.1:1 key_file=${dir.file('bad.keys', 'secret\n')}`]: /line 1 is no key/,
    [`store=memcached://127.0.0.1:1 key_file=${dir.file('none.keys', '\n')}`]: /there is no key/,
    [`store=redis://127.0.0.1:1 ca_file=/x key_file=${KEYS}`]: /ca_file is for store=rediss/,
    [`store=rediss://127.0.0.1:1 ca_file=${KEYS} key_file=${KEYS}`]: /it has no certificate/,
    'store=postgres://x': /store/,
    'deadline=0': /deadline/,
    'stroe=memory': /stroe/,
  }
  for (const [options, message] of Object.entries(cases))
    await t.rejects(secureProxy(t, [], { plugins: [`session_store ${options}`] }), { message }, options)
})

test('every native object is freed when all connections have ended', async t => {
  dir.remove()
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
