/** Tunnels of clients that have logged in, when a reload takes the login away. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { type AccessStage, accessStage } from '../kit/access-ways.js'
import { type RawClient, rawClient } from '../kit/client.js'
import type { ProxyConf } from '../kit/proxy.js'
import { listen } from '../kit/tcp-server.js'
import { jwks, makeIssuer, now } from '../kit/tokens.js'
import { moveDate } from '../kit/wall-clock.js'

const HASH = bcrypt.hashSync('secret', 4)
const OTHER_HASH = bcrypt.hashSync('other', 4)
const RULE = 'apply: in, ip_addrs: 127.0.0.1, action'
const usersFile = (users: Readonly<Record<string, string>>): string =>
  Object.entries(users)
    .map(([name, hash]) => `${name}:${hash}\n`)
    .join('')
const BOTH = usersFile({ ann: HASH, bob: HASH })

const conf = ({ files, records }: ProxyConf = {}): ProxyConf => ({
  files: { users: BOTH, groups: 'staff: ann bob\n', ...files },
  records: {
    'proxy.config.http.connect.verify': 'tunnel',
    'proxy.config.http.proxy_auth.htpasswd': 'users',
    'proxy.config.http.proxy_auth.groups': 'groups',
    ...records,
  },
})

async function reload(at: AccessStage, more: ProxyConf): Promise<void> {
  at.proxy.conf.write(at.confWith(conf(more)))
  await at.proxy.server.reload()
}

/** An origin that sends all back; a request for an upgrade gets its 101 first. */
async function echo(t: Test): Promise<number> {
  const server = await listen(socket => {
    socket.once('data', bytes => {
      const isUpgrade = bytes.toString().startsWith('GET ')
      socket.write(
        isUpgrade ? 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n' : bytes,
      )
      socket.on('data', more => void socket.write(more))
    })
  })
  t.teardown(server.stop)
  return server.port
}

type Open = (t: Test, at: AccessStage, port: number, login: string) => Promise<RawClient>

const connected = async (t: Test, port: number): Promise<RawClient> => {
  const client = await rawClient(port)
  t.teardown(client.stop)
  return client
}

const basic = (user: string): string => `Proxy-Authorization: Basic ${btoa(`${user}:secret`)}\r\n`

const openConnect: Open = async (t, at, port, login) => {
  const client = await connected(t, at.ports[0])
  client.send(`CONNECT plain.test:${port} HTTP/1.1\r\nHost: plain.test:${port}\r\n${login}\r\n`)
  t.equal((await client.response('CONNECT')).status, 200)
  return client
}

/** Every way in which bytes pass unread. */
const OPEN: Readonly<
  Record<string, (t: Test, at: AccessStage, port: number, user: string) => Promise<RawClient>>
> = {
  CONNECT: (t, at, port, user) => openConnect(t, at, port, basic(user)),
  'an upgrade': async (t, at, port, user) => {
    const client = await connected(t, at.ports[0])
    const fields = `Host: plain.test:${port}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n${basic(user)}`
    client.send(`GET http://plain.test:${port}/ HTTP/1.1\r\n${fields}\r\n`)
    t.equal((await client.response('GET')).status, 101)
    return client
  },
  SOCKS: async (t, at, port, user) => {
    const client = await connected(t, at.ports[2])
    const text = (value: string): number[] => [value.length, ...Buffer.from(value)]
    const asked = [5, 1, 0, 3, ...text('plain.test'), port >> 8, port & 0xff]
    client.send(Buffer.from([5, 1, 2, 1, ...text(user), ...text('secret'), ...asked]))
    await client.until(() => client.text().length >= 14 || undefined, 'the replies')
    t.equal(client.text().charCodeAt(5), 0)
    return client
  },
}

const passes = async (client: RawClient, word: string): Promise<void> => {
  client.send(word)
  await client.until(() => client.text().endsWith(word) || undefined, word)
}

for (const [way, open] of Object.entries(OPEN))
  test(`a user that a reload removes loses open tunnels, and others keep theirs: ${way}`, async t => {
    const at = await accessStage(t, conf())
    const port = await echo(t)
    const [ann, bob] = [await open(t, at, port, 'ann'), await open(t, at, port, 'bob')]
    for (const client of [ann, bob]) await passes(client, 'one')
    await reload(at, {})
    for (const client of [ann, bob]) await passes(client, 'two')
    await reload(at, { files: { users: usersFile({ bob: HASH }) } })
    await ann.ended()
    await passes(bob, 'three')
    await at.proxy.server.stop(0)
    t.match(
      at.log().filter(({ user }) => user === 'ann'),
      [{ error: { code: 'PTC_LOGIN_ENDED' } }],
    )
  })

test('a changed password, and a group that a rule demands, end tunnels as well', async t => {
  const groups = `ip_allow:\n- {${RULE}: allow, groups: staff}\n`
  const changes: readonly (readonly [ProxyConf['files'], string])[] = [
    [{ users: usersFile({ ann: OTHER_HASH, bob: HASH }) }, 'PTC_LOGIN_ENDED'],
    [{ groups: 'staff: bob\n' }, 'PTC_CLIENT_DENIED'],
    [{ 'ip_allow.yaml': `ip_allow:\n- {${RULE}: allow, users: bob}\n` }, 'PTC_CLIENT_DENIED'],
  ]
  for (const [files, code] of changes) {
    const at = await accessStage(t, conf({ files: { 'ip_allow.yaml': groups } }))
    const port = await echo(t)
    const ann = await openConnect(t, at, port, basic('ann'))
    const bob = await openConnect(t, at, port, basic('bob'))
    for (const client of [ann, bob]) await passes(client, 'one')
    await reload(at, { files: { 'ip_allow.yaml': groups, ...files } })
    await ann.ended()
    await passes(bob, 'on')
    await at.proxy.server.stop(0)
    t.match(
      at.log().find(({ user }) => user === 'ann'),
      { error: { code } },
    )
  }
})

test('tunnels without a login stay, and those whose login is no longer asked for', async t => {
  const NONE = { 'proxy.config.http.proxy_auth.htpasswd': null, 'proxy.config.http.proxy_auth.groups': null }
  const at = await accessStage(t, conf({ records: NONE }))
  const port = await echo(t)
  const bare = await openConnect(t, at, port, '')
  await reload(at, {})
  await passes(bare, 'one')
  const ann = await openConnect(t, at, port, basic('ann'))
  await reload(at, { records: NONE })
  await passes(ann, 'one')
  await passes(bare, 'two')
})

test('a token ends its tunnels when a reload removes its key, and not when it expires', async t => {
  const [one, two] = [makeIssuer('ES256', 'one'), makeIssuer('ES256', 'two')]
  const records = {
    'proxy.config.http.proxy_auth.jwt.keys': 'keys.json',
    'proxy.config.http.proxy_auth.jwt.audience': 'proxy.test',
  } as const
  const at = await accessStage(t, conf({ records, files: { 'keys.json': jwks(one.jwk, two.jwk) } }))
  const port = await echo(t)
  const withToken = async (issuer: typeof one): Promise<RawClient> =>
    openConnect(t, at, port, `Proxy-Authorization: Bearer ${await issuer.sign({ exp: now() + 60 })}\r\n`)
  const [first, second] = [await withToken(one), await withToken(two)]
  moveDate(t, 3_600_000)
  await reload(at, { records, files: { 'keys.json': jwks(one.jwk, two.jwk) } })
  for (const client of [first, second]) await passes(client, 'one')
  await reload(at, { records, files: { 'keys.json': jwks(two.jwk) } })
  await first.ended()
  await passes(second, 'two')
})

const HOLDS = `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd }) =>
  hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ reenable }) => channel('tunnel held').publish(reenable))`

/** The next connection to an origin, which a plugin holds. */
const nextHeld = (): Promise<() => void> =>
  new Promise(resolve => {
    const hear = (reenable: unknown): void => {
      unsubscribe('tunnel held', hear)
      resolve(reenable as () => void)
    }
    subscribe('tunnel held', hear)
  })

test('a tunnel that plugins hold while its login goes is refused', async t => {
  const held = { plugins: ['holds.mjs'], modules: { 'holds.mjs': HOLDS } }
  const at = await accessStage(t, { ...conf(), ...held })
  const port = await echo(t)
  const opening = nextHeld()
  const client = await connected(t, at.ports[0])
  client.send(`CONNECT plain.test:${port} HTTP/1.1\r\nHost: plain.test:${port}\r\n${basic('ann')}\r\n`)
  const go = await opening
  at.proxy.conf.write(at.confWith({ ...conf({ files: { users: usersFile({ bob: HASH }) } }), ...held }))
  await at.proxy.server.reload()
  go()
  const { status, body } = await client.response('CONNECT')
  t.equal(status, 403)
  t.match(body.toString(), /PTC_LOGIN_ENDED/)
})
