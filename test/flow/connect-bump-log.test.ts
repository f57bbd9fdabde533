/** What the access log says of connections that are bumped, and of the requests inside. */
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { type Bumping, startBumping } from '../kit/bumping.js'
import { type ConnectingOptions, httpsOrigin } from '../kit/connecting.js'
import { HookGate } from '../kit/gate.js'

const HOST = 'www.google.com'

interface Logged extends Bumping {
  /** As many lines, parsed, as soon as they are there: those of CONNECT first, which may be written last. */
  lines(count: number): Promise<readonly Line[]>
}

interface Line {
  readonly method: string | null
}

async function start(t: Test, options: Partial<ConnectingOptions> = {}): Promise<Logged> {
  const bumping = await startBumping(t, {
    hosts: [HOST],
    ...options,
    records: {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.filename': 'stdout',
      'proxy.config.log.format': 'json',
      ...options.records,
    },
  })
  const lines = async (count: number): Promise<readonly Line[]> => {
    const { input } = await bumping.proxy.until(new RegExp(`(?:^\\{"time".*\\n[^]*?){${count}}`, 'm'))
    const all: Line[] = [...input.matchAll(/^\{"time".*$/gm)].map(([line]) => JSON.parse(line))
    const [outer, inner] = [true, false].map(is => all.filter(({ method }) => (method === 'CONNECT') === is))
    return [...(outer ?? []), ...(inner ?? [])]
  }
  return { ...bumping, lines }
}

test('the log names a client that a plugin refuses inside a bumped CONNECT', async t => {
  const refuse = ({ reenable }: { reenable: (verdict: ReturnType<typeof reject>) => unknown }): unknown =>
    reenable(reject('policy', 'not you'))
  for (const hook of ['TS_SSL_CLIENT_HELLO_HOOK', 'TS_SSL_CERT_HOOK'] as const) {
    const { browse, lines } = await start(t, { clientGates: [new HookGate({ [hook]: refuse })] })
    const origin = await httpsOrigin(t, HOST)
    await browse(`https://${HOST}:${origin.port}/`)
    t.match(await lines(1), [
      {
        method: 'CONNECT',
        url: `${HOST}:${origin.port}`,
        status: 200,
        error: { code: 'PTC_CLIENT_REFUSED', message: /gate refused .*not you/ },
      },
    ])
  }
})

test('the log names the rejected origin of a bumped CONNECT', async t => {
  const { browse, lines } = await start(t, { answer: ({ reenable }) => void reenable(reject('revoked')) })
  const origin = await httpsOrigin(t, HOST)
  await browse(`https://${HOST}:${origin.port}/`)
  t.match(await lines(1), [
    {
      method: 'CONNECT',
      status: 200,
      error: { code: 'PTC_VERIFY_REJECTED' },
      certificate: { subject: `/CN=${HOST}`, verdict: 'rejected', by: 'plugin:gate' },
    },
  ])
})

test('requests inside a bumped CONNECT are logged with their whole URL', async t => {
  const closed = new HookGate({ TS_HTTP_TXN_CLOSE_HOOK: () => {} })
  const { open, trusted, lines } = await start(t, { clientGates: [closed] })
  const origin = await httpsOrigin(t, HOST)
  const authority = `${HOST}:${origin.port}`
  const { client } = await open(authority)
  const inside = await client.secure({ servername: HOST, ca: trusted })
  const ask = async (target: string, host = authority): Promise<unknown> => {
    inside.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    return inside.response()
  }
  await ask('/a?b=c')
  await ask(`https://${authority}/d`)
  await ask('/e', 'www.yahoo.com')
  const urls = [`https://${authority}/a?b=c`, `https://${authority}/d`, 'https://www.yahoo.com/e']
  const error = { code: 'PTC_MISDIRECTED' }
  t.match(await lines(4), [
    { method: 'CONNECT', url: authority },
    { url: urls[0], status: 200 },
    { url: urls[1], status: 200 },
    { url: urls[2], status: 421, error },
  ])
  await closed.next('TS_HTTP_TXN_CLOSE_HOOK', 3)
  const told = closed.of('TS_HTTP_TXN_CLOSE_HOOK').map(({ url }) => url)
  t.strictSame(told.filter(url => url !== authority).sort(), [...urls].sort(), 'and plugins are told it')
})

test('requests inside a bumped CONNECT are logged with the user of the CONNECT', async t => {
  const { browse, lines } = await start(t, {
    records: { 'proxy.config.http.proxy_auth.htpasswd': 'users' },
    files: { users: `ann:${await bcrypt.hash('secret', 4)}\n` },
  })
  const origin = await httpsOrigin(t, HOST)
  await browse('--proxy-user', 'ann:secret', `https://${HOST}:${origin.port}/`)
  t.match(await lines(2), [
    { method: 'CONNECT', user: 'ann' },
    { method: 'GET', user: 'ann' },
  ])
})

test('requests inside a bumped CONNECT are logged in every format', async t => {
  for (const [format, expected] of [
    ['%<cqhm> %<cquc> %<shn>', /^GET https:\/\/www\.google\.com:(\d+)\/a www\.google\.com$/m],
    ['common', /"GET https:\/\/www\.google\.com:(\d+)\/a HTTP\/1\.1" 200/],
    ['squid', / GET https:\/\/www\.google\.com:(\d+)\/a - DIRECT\/www\.google\.com /],
  ] as const) {
    const { browse, proxy } = await start(t, { records: { 'proxy.config.log.format': format } })
    const origin = await httpsOrigin(t, HOST)
    await browse(`https://${HOST}:${origin.port}/a`)
    const [, port] = await proxy.until(expected)
    t.equal(port, `${origin.port}`, format)
  }
})

test('the log shows malformed requests inside a bumped CONNECT', async t => {
  const { open, trusted, lines } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const authority = `${HOST}:${origin.port}`
  const { client } = await open(authority)
  const inside = await client.secure({ servername: HOST, ca: trusted })
  inside.send('GET /\r\n\r\n')
  t.equal((await inside.response()).status, 400)
  t.match(await lines(2), [{ method: 'CONNECT' }, { status: 400, error: { code: 'PTC_REQUEST_MALFORMED' } }])
})
