import { connect } from 'node:tls'
import { test } from 'tap'
import { rawClient, tlsClient } from './client.js'
import { nodeOrigin } from './node-origin.js'
import { opensslOrigin } from './openssl-origin.js'
import { makeAuthority } from './pki.js'
import { rawOrigin, scripts } from './raw-origin.js'
import { splittingRelay, tapRelay } from './relay.js'

const anyone = { rejectUnauthorized: false, servername: 'x' }

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a tap shows what a client has sent, ${maxVersion}`, async t => {
    const leaf = await (await makeAuthority({ name: 'Root' })).issue({ cn: 'x' })
    const origin = await nodeOrigin({ tls: leaf })
    t.teardown(() => origin.stop())
    const relay = await tapRelay(origin.port)
    t.teardown(() => relay.stop())
    const client = await tlsClient(relay.port, { ...anyone, maxVersion })
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.response()
    const names = relay.connections[0]?.fromClient.tls().names
    const own =
      maxVersion === 'TLSv1.2'
        ? ['ClientHello', 'ClientKeyExchange', 'ChangeCipherSpec', 'encrypted handshake', 'ApplicationData']
        : ['ClientHello', 'ChangeCipherSpec', 'ApplicationData', 'ApplicationData'] // Finished, request
    t.strictSame(names, own)
    t.equal(relay.connections[0]?.fromOrigin.tls().names[0], 'ServerHello')
    client.stop()
    await relay.until(() => relay.connections[0]?.fromClient.endedAt, 'the end')
    await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the end at the origin')
  })
}

test('a tap counts both ClientHellos around a HelloRetryRequest', async t => {
  const leaf = await (await makeAuthority({ name: 'Root' })).issue({ cn: 'x' })
  const origin = await opensslOrigin({ ...leaf, groups: 'P-384' })
  t.teardown(() => origin.stop())
  const relay = await tapRelay(origin.port)
  t.teardown(() => relay.stop())
  ;(await tlsClient(relay.port, { ...anyone, ecdhCurve: 'X25519:P-384' })).stop()
  t.strictSame(relay.connections[0]?.fromClient.tls().names.slice(0, 3), [
    'ClientHello',
    'ChangeCipherSpec',
    'ClientHello',
  ])
})

test('a handshake survives being cut into single bytes', async t => {
  const leaf = await (await makeAuthority({ name: 'Root' })).issue({ cn: 'x' })
  const origin = await nodeOrigin({ tls: leaf })
  t.teardown(() => origin.stop())
  const relay = await splittingRelay(origin.port, 1)
  t.teardown(() => relay.stop())
  const client = await tlsClient(relay.port, anyone)
  client.send('GET /bytes/10 HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response()).body.length, 10)
})

test('a raw origin records what comes and says what its script says', async t => {
  const started: { stop(): Promise<void> }[] = []
  t.teardown(() => Promise.all(started.map(origin => origin.stop())))
  const start = async (
    script: Parameters<typeof rawOrigin>[0],
  ): Promise<Awaited<ReturnType<typeof rawOrigin>>> => {
    const origin = await rawOrigin(script)
    started.push(origin)
    return origin
  }
  const failure = async (script: Parameters<typeof rawOrigin>[0]): Promise<string | undefined> => {
    const socket = connect({ ...anyone, port: (await start(script)).port, host: '127.0.0.1' })
    return new Promise(resolve => socket.on('error', (cause: NodeJS.ErrnoException) => resolve(cause.code)))
  }
  t.equal(await failure(scripts.garbage), 'ERR_SSL_WRONG_VERSION_NUMBER')
  // OpenSSL 3.0 has SSLV3 in the name, and later ones SSL/TLS.
  t.match(await failure(scripts.alert(40)), /^ERR_SSL_SSL(?:V3|\/TLS)_ALERT_HANDSHAKE_FAILURE$/)
  t.equal(await failure(scripts.closeAtOnce), 'ECONNRESET')
  t.equal(await failure(scripts.resetAtOnce), 'ECONNRESET')

  const silent = await start(scripts.silence)
  const socket = connect({ ...anyone, port: silent.port, host: '127.0.0.1' }).on('error', () => undefined)
  const connection = await silent.connection(0)
  await connection.until(
    () => (connection.tls().names.includes('ClientHello') ? true : undefined),
    'a ClientHello',
  )
  t.strictSame(connection.tls(), { ...connection.tls(), names: ['ClientHello'], rest: 0 }, 'and nothing else')
  socket.destroy()
  await connection.until(() => connection.endedAt, 'the end')

  const plain = await start(scripts.reply('HTTP/1.1 204 No Content\r\n\r\n'))
  const client = await rawClient(plain.port)
  client.send('GET / HTTP/1.1\r\n\r\n')
  t.equal((await client.response()).status, 204)
  client.stop()
})
