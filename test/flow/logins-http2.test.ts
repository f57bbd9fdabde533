/** Logins that authenticate a connection, by clients of HTTP/2, whose requests share one connection. */
import { once } from 'node:events'
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { type Http2Answer, Http2Client, tlsSocket } from '../kit/http2-client.js'
import { loginOrigin } from '../kit/login-origin.js'
import { authenticate, negotiate } from '../kit/ntlm.js'
import type { ProxyConf } from '../kit/proxy.js'
import { root, secureProxy } from '../kit/secure-proxy.js'

const HOST = 'origin.example'

async function setUp(t: Test, conf: ProxyConf = {}) {
  const origin = await loginOrigin()
  t.teardown(origin.stop)
  const { port } = await secureProxy(t, [], {
    ...conf,
    records: { 'proxy.config.http2.enabled': 1, ...conf.records },
  })
  const client = async (): Promise<Client> => {
    const socket = await tlsSocket(port, { ca: root.certPem, servername: 'proxy.example' })
    t.equal(socket.alpnProtocol, 'h2')
    const made = new Http2Client(socket)
    t.teardown(made.stop)
    return new Client(made, `${HOST}:${origin.port}`)
  }
  return { origin, client }
}

type Fields = Readonly<Record<string, string>>

class Client {
  readonly http2: Http2Client
  readonly #authority: string

  constructor(http2: Http2Client, authority: string) {
    this.http2 = http2
    this.#authority = authority
  }

  connect(fields: Fields = {}): Promise<Http2Answer> {
    return this.http2.ask({ ':method': 'CONNECT', ':authority': this.#authority, ...fields })
  }

  ask(fields: Fields = {}): Promise<Http2Answer> {
    const head = { ':scheme': 'http', ':authority': this.#authority, ':path': '/' }
    return this.http2.ask({ ...head, ...fields })
  }

  async login(user: string, fields: Fields = {}): Promise<Http2Answer> {
    const first = await this.ask({ ...fields, authorization: `NTLM ${negotiate().toString('base64')}` })
    const wanted = Buffer.from(`${first.headers['www-authenticate']}`.slice('NTLM '.length), 'base64')
    return this.ask({ ...fields, authorization: `NTLM ${authenticate(user, wanted).toString('base64')}` })
  }
}

test('a login on one connection of HTTP/2 is of no use to another', async t => {
  const { client, origin } = await setUp(t)
  const [alice, bob] = [await client(), await client()]
  t.match((await alice.login('alice')).body.toString(), /^alice/)
  const beside = await Promise.all(Array.from({ length: 10 }, () => bob.ask()))
  for (const { status } of beside) t.equal(status, 401, 'while the first is there')
  t.match((await alice.ask()).body.toString(), /^alice/)
  bob.http2.stop()
  alice.http2.stop()
  await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the end of both')
  const carol = await client()
  const after = await Promise.all(Array.from({ length: 5 }, () => carol.ask()))
  for (const { status } of after) t.equal(status, 401, 'and after it has left')
})

test('two users of the proxy on one connection of HTTP/2 do not share a login', async t => {
  const hash = await bcrypt.hash('secret', 4)
  const { client } = await setUp(t, {
    files: { htpasswd: `ann:${hash}\nben:${hash}\n` },
    records: { 'proxy.config.http.proxy_auth.htpasswd': 'htpasswd' },
  })
  const as = (user: string): Fields => ({
    'proxy-authorization': `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`,
  })
  const both = await client()
  t.match((await both.login('alice', as('ann'))).body.toString(), /^alice/)
  const users = ['ann', 'ben', 'ann', 'ben', 'ben', 'ann', 'ben']
  const answers = await Promise.all(users.map(user => both.ask(as(user))))
  for (const [i, { status, body }] of answers.entries())
    if (users[i] === 'ben') t.equal(status, 401, 'at the same time')
    else t.match([status, body.toString()], status === 401 ? [401] : [200, /^alice/])
  for (const user of ['ben', 'ann', 'ben'])
    t.equal((await both.ask(as(user))).status, 401, `${user}: the login has ended with the change of user`)
})

test('a CONNECT of HTTP/2 is answered, and names no other request', async t => {
  const hash = await bcrypt.hash('secret', 4)
  const { client, origin } = await setUp(t, {
    files: { htpasswd: `ann:${hash}\n` },
    records: {
      'proxy.config.http.proxy_auth.htpasswd': 'htpasswd',
      'proxy.config.http.connect_ports': '*',
      'proxy.config.http.connect.verify': 'tunnel',
    },
  })
  const as = (text: string): Fields => ({
    'proxy-authorization': `Basic ${Buffer.from(text).toString('base64')}`,
  })
  const one = await client()
  t.equal((await one.connect()).status, 407)
  t.equal((await one.connect(as('ann:wrong'))).status, 407)
  t.equal(origin.connections, 0)
  const stream = one.http2.session.request(
    { ':method': 'CONNECT', ':authority': `${HOST}:${origin.port}`, ...as('ann:secret') },
    { endStream: false },
  )
  const [headers] = await once(stream, 'response')
  t.equal(headers[':status'], 200)
  t.equal((await one.ask()).status, 407, 'beside the tunnel, what has no name of its own')
  t.equal((await one.connect()).status, 407)
  stream.close()
  t.equal((await one.ask(as('ann:secret'))).status, 401, 'the connection still serves: the origin asks')
})
