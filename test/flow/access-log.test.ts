import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { rawClient } from '../kit/client.js'
import { curl } from '../kit/curl.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, startProxy } from '../kit/proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'

const ACCEPT = `export default ({ hookAdd, accept, reject }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ host, reenable }) =>
  setTimeout(() => reenable(host === 'bad.example' ? reject('revoked', 'seen') : accept()), 60))`

test('the access log has one line for each transaction', async t => {
  const root = await makeAuthority({ name: 'Access Log Root' })
  const { chainPem, keyPem, cert } = await root.issue({
    cn: 'good.example',
    sans: ['good.example', 'bad.example'],
  })
  const origin = await nodeOrigin({ tls: { chainPem, keyPem } })
  const dir = makeTempDir()
  const conf: ProxyConf = {
    hosts: ['good.example', 'bad.example'],
    ca: root.certPem,
    plugins: ['gate.mjs'],
    modules: { 'gate.mjs': ACCEPT },
    records: {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': dir.path,
      'proxy.config.log.format': 'json',
      'proxy.config.diags.logfile.filename': join(dir.path, 'diags.log'),
      'proxy.config.http.connect_ports': '*',
    },
  }
  const proxy = await startProxy(conf)
  t.teardown(async () => {
    await proxy.stop()
    await origin.stop()
    dir.remove()
  })
  const file = join(dir.path, 'access.log')
  const text = (path = file): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  const read = (): readonly Record<string, unknown>[] =>
    text()
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
  const lines = (count: number) => poll(() => read().length >= count && read(), `${count} lines`)
  const via = ['-sS', '-x', `http://127.0.0.1:${proxy.port}`]
  const get = (host: string) =>
    curl([...via, '--request-target', `https://${host}:${origin.port}/bytes/7`, `http://${host}/`])

  const { stdout } = await get('good.example')
  t.equal(stdout.length, 7)
  const page = await get('bad.example')
  const connecting = await rawClient(proxy.port)
  connecting.send(`CONNECT good.example:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await connecting.response('CONNECT')
  const client = await connecting.secure({ servername: 'good.example', ca: root.certPem })
  client.send('GET / HTTP/1.0\r\n\r\n')
  await client.ended() // a client that closes before it has read everything resets its connection
  client.stop()
  await lines(3) // a tunnel's line is written when both of its ends are closed
  await curl([...via, 'ftp://good.example/'])
  const [good, bad, tunnel, refused] = await lines(4)
  const sha256 = cert.fingerprint256.replaceAll(':', '').toLowerCase()
  const certificate = { subject: '/CN=good.example', issuer: '/O=Portcullis Test/CN=Access Log Root', sha256 }
  t.match(good, {
    client: '127.0.0.1',
    method: 'GET',
    status: 200,
    bytes: { up: 0, down: 7 },
    error: null,
    origin: { address: `127.0.0.1:${origin.port}`, reused: false },
    certificate: { ...certificate, verdict: 'accepted', by: 'plugins' },
  })
  const parked = (line: unknown): number =>
    (line as { certificate: { parked_ms: number } }).certificate.parked_ms
  t.ok(parked(good) >= 59 && parked(good) < 5000, `parked for ${parked(good)} ms`)
  t.match(bad, {
    status: 502,
    bytes: { down: page.stdout.length },
    error: {
      code: 'PTC_VERIFY_REJECTED',
      remedy: /Plugin \S+ decides about \S+: see its line in plugin\.config/,
    },
    certificate: { ...certificate, verdict: 'rejected', by: 'plugin:gate', x509: 'X509_V_ERR_CERT_REVOKED' },
  })
  t.ok(parked(bad) >= 59)
  t.match(tunnel, {
    method: 'CONNECT',
    url: `good.example:${origin.port}`,
    status: 200,
    error: null,
    origin: { address: `127.0.0.1:${origin.port}` },
    certificate: { ...certificate, verdict: 'accepted', by: 'plugins' },
  })
  t.ok(parked(tunnel) >= 59)
  t.match(refused, {
    status: 400,
    error: { code: 'PTC_REQUEST_SCHEME', remedy: /proxy\.config\.http\.connect_ports/ },
  })

  for (const [i, signal] of (['SIGUSR1', 'SIGUSR2'] as const).entries()) {
    renameSync(file, `${file}.${i}`)
    proxy.child.kill(signal)
    const times = () => text(join(dir.path, 'diags.log')).split('log files opened anew').length - 1
    await poll(() => times() > i && existsSync(file), `${signal} opens the log anew`)
    await get('good.example')
    t.match(await lines(1), [{ status: 200 }], signal)
  }
  t.notMatch(proxy.output(), /debugger/i, 'and no debugger is started')

  const records = { ...conf.records, 'proxy.config.log.format': '%<cqhm>+%<pssc>' }
  proxy.conf.write({ ...conf, records })
  proxy.child.kill('SIGHUP')
  await poll(() => text(join(dir.path, 'diags.log')).includes('reloaded'), 'the reload')
  await get('good.example')
  await poll(() => text().endsWith('GET+200\n'), 'a reload brings another format')
})
