/** What an origin may get wrong, with a real client in front: a clear answer each time, and the proxy serves on. */
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type Authority, makeAuthority } from '../kit/pki.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { type RawConnection, type RawScript, rawOrigin, scripts } from '../kit/raw-origin.js'
import { splittingRelay } from '../kit/relay.js'

const HOST = 'odd.test'

interface Stage {
  readonly root: Authority
  readonly proxy: ProxyHere
  ask(port: number): ReturnType<typeof get>
}

async function setUp(t: Test): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const proxy = await startProxyHere({
    hosts: [HOST],
    ca: root.certPem,
    records: { 'proxy.config.ssl.client.handshake_timeout': 1 },
  })
  t.teardown(proxy.stop)
  return { root, proxy, ask: port => get(proxy.port, `https://${HOST}:${port}/`) }
}

/** A TLS record of type handshake. */
const record = (messages: Buffer, type = 22) =>
  Buffer.concat([Buffer.from([type, 3, 3, messages.length >> 8, messages.length & 255]), messages])

/** A ServerHello of TLS 1.2, or of what `version` says, that chooses ECDHE-ECDSA-AES128-GCM-SHA256. */
const serverHello = (version = '0303', cipher = 'c02b') => {
  const hello = Buffer.from(`${version}${'11'.repeat(32)}00${cipher}000005ff01000100`, 'hex')
  return Buffer.concat([Buffer.from([2, 0, 0, hello.length]), hello])
}

/** Sends that as the answer to a ClientHello. */
const answer =
  (...records: Buffer[]): RawScript =>
  async (connection: RawConnection) => {
    await connection.until(() => connection.tls().names[0], 'a ClientHello')
    connection.send(Buffer.concat(records))
  }

const certificates = (list: Buffer) => {
  const length = (bytes: number) => Buffer.from([bytes >> 16, (bytes >> 8) & 255, bytes & 255])
  return Buffer.concat([Buffer.from([11]), length(list.length + 3), length(list.length), list])
}

interface Odd {
  readonly script: RawScript
  readonly status?: number
  readonly code: string
  readonly says: RegExp
}

const FAILED = 'PTC_HANDSHAKE_FAILED'
const ODD: Record<string, Odd> = {
  'speaks plain HTTP': {
    script: scripts.garbage,
    code: FAILED,
    says: /TLS handshake with the origin failed: wrong version number/,
  },
  'greets like a mail server': {
    script: connection => connection.send('220 mail.odd.test ESMTP\r\n'),
    code: FAILED,
    says: /wrong version number/,
  },
  'sends random bytes': {
    script: answer(Buffer.from('9f'.repeat(600), 'hex')),
    code: FAILED,
    says: /handshake with the origin failed/,
  },
  'sends a record of garbage instead of a ServerHello': {
    script: answer(record(Buffer.alloc(64, 0x5a))),
    code: FAILED,
    says: /unexpected message/,
  },
  'sends a ServerHello that is cut short': {
    script: answer(record(Buffer.from([2, 0, 0, 4, 3, 3, 1, 1]))),
    code: FAILED,
    says: /length/,
  },
  'announces a record that is too long': {
    script: answer(Buffer.from([22, 3, 3, 0xff, 0xff]), Buffer.alloc(70_000)),
    code: FAILED,
    says: /length too long|packet length/,
  },
  'chooses TLS 1.1': {
    script: answer(record(serverHello('0302'))),
    code: FAILED,
    says: /unsupported protocol/,
  },
  'chooses a cipher nobody offered': {
    script: answer(record(serverHello('0303', '0005'))),
    code: FAILED,
    says: /cipher/,
  },
  'sends application data first': {
    script: answer(record(Buffer.alloc(32), 23)),
    code: FAILED,
    says: /unexpected|record/,
  },
  'has a chain of no certificate': {
    script: answer(record(Buffer.concat([serverHello(), certificates(Buffer.alloc(0))]))),
    code: FAILED,
    says: /handshake with the origin failed/,
  },
  'has a certificate that is none': {
    script: answer(
      record(Buffer.concat([serverHello(), certificates(Buffer.from('000005deadbeef00', 'hex'))])),
    ),
    code: FAILED,
    says: /handshake with the origin failed/,
  },
  'ends with an alert': {
    script: scripts.alert(40),
    code: 'PTC_HANDSHAKE_ALERT',
    says: /alert 40 \(.*handshake failure/,
  },
  'does not know the name': {
    script: scripts.alert(112),
    code: 'PTC_HANDSHAKE_ALERT',
    says: /alert 112 \(.*unrecognized name/,
  },
  'closes at once': {
    script: scripts.closeAtOnce,
    code: 'PTC_HANDSHAKE_CLOSED',
    says: /closed the connection during the TLS handshake/,
  },
  'resets the connection': {
    script: async connection => {
      await connection.untilBytes(1)
      connection.reset()
    },
    code: 'PTC_HANDSHAKE_CLOSED',
    says: /connection broke \(ECONNRESET\)|closed the connection/,
  },
  'closes in the middle of its ServerHello': {
    script: async connection => {
      await answer(record(serverHello()).subarray(0, 20))(connection)
      connection.end()
    },
    code: 'PTC_HANDSHAKE_CLOSED',
    says: /closed the connection during the TLS handshake/,
  },
  'says nothing': {
    script: scripts.silence,
    status: 504,
    code: 'PTC_HANDSHAKE_TIMEOUT',
    says: /did not finish its part/,
  },
  'stops in the middle of its ServerHello': {
    script: answer(record(serverHello()).subarray(0, 20)),
    status: 504,
    code: 'PTC_HANDSHAKE_TIMEOUT',
    says: /did not finish its part/,
  },
}

test('an origin that speaks no TLS or bad TLS is answered 502', async t => {
  const { proxy, root, ask } = await setUp(t)
  await Promise.all(
    Object.entries(ODD).map(async ([name, { script, status = 502, code, says }]) => {
      const origin = await rawOrigin(script)
      t.teardown(origin.stop)
      const response = await ask(origin.port)
      const page = response.body.toString()
      t.equal(response.status, status, `one that ${name}`)
      t.match(page, code)
      t.match(page, says)
      t.match(response.header('proxy-status'), code)
      t.equal(origin.connections.length, 1, 'and is not asked again')
    }),
  )
  const good = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  t.teardown(good.stop)
  t.equal((await ask(good.port)).status, 200, 'the proxy serves on')
  await proxy.stop()
  t.equal(liveHandshakes(), 0, 'nothing native is left')
})

test('a chain that is too long is refused', async t => {
  const { proxy, root, ask } = await setUp(t)
  let last = root
  const authorities: Authority[] = []
  for (let i = 1; i <= 110; i++) {
    last = await makeAuthority({ name: `Intermediate ${i}`, parent: last })
    authorities.push(last)
  }
  for (const [length, expected] of [
    [3, undefined],
    [100, undefined],
    [110, 'X509_V_ERR_CERT_CHAIN_TOO_LONG'],
  ] as const) {
    const origin = await nginxOrigin((await authorities[length - 2]?.issue({ cn: HOST })) ?? root)
    t.teardown(origin.stop)
    const { status, body } = await ask(origin.httpsPort)
    if (expected === undefined) t.equal(status, 200, `${length} certificates are accepted`)
    else {
      t.equal(status, 502, `${length} certificates are refused`)
      t.match(body.toString(), expected)
    }
  }
  // More than OpenSSL accepts in a Certificate message: 100 KB.
  const leaf = await root.issue({ cn: HOST })
  const many = await nodeOrigin({
    tls: { keyPem: leaf.keyPem, chainPem: leaf.chainPem + last.chainPem.repeat(3) },
  })
  t.teardown(many.stop)
  const { status, body } = await ask(many.port)
  t.equal(status, 502)
  t.match(body.toString(), /excessive message size.*PTC_HANDSHAKE_FAILED/s)
  await proxy.stop()
  t.equal(liveHandshakes(), 0, 'nothing native is left')
})

for (const [version, minVersion, maxVersion] of [
  ['TLS 1.2', 'TLSv1.2', 'TLSv1.2'],
  ['TLS 1.3', 'TLSv1.3', 'TLSv1.3'],
] as const) {
  test(`records split at every byte, ${version}`, async t => {
    const { root, ask } = await setUp(t)
    const origin = await nodeOrigin({ tls: { ...(await root.issue({ cn: HOST })), minVersion, maxVersion } })
    t.teardown(origin.stop)
    const relay = await splittingRelay(origin.port, 1)
    t.teardown(relay.stop)
    const { status, body } = await ask(relay.port)
    t.equal(status, 200)
    t.match(body.toString(), /^hello from odd\.test/)
    t.equal(origin.handshakes[0]?.protocol, minVersion)
  })
}

test('an origin that leaves after its acceptance is reported to the client', async t => {
  const { root, ask } = await setUp(t)
  const origin = await nodeOrigin({
    tls: await root.issue({ cn: HOST }),
    handler: request => request.socket.destroy(),
  })
  t.teardown(origin.stop)
  const { status, body } = await ask(origin.port)
  t.equal(status, 502)
  t.match(body.toString(), 'PTC_ORIGIN_CLOSED')
  t.equal(origin.requests.length, 1, 'the request is not sent again')
})
