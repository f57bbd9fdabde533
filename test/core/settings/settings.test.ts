/** Records become settings in milliseconds, bytes, booleans and absolute paths, once for each generation. */
import { hostname } from 'node:os'
import { type Test, test } from 'tap'
import {
  configurationOf,
  type GivenRecords,
  readConfiguration,
  readSettings,
} from '../../../core/settings/settings.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const settings = (given: GivenRecords = {}, folder = '/etc/portcullis') =>
  configurationOf(given, '', folder).settings

function conf(t: Test, records: string, files: Readonly<Record<string, string>> = {}) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  dir.file('plugin.config', '')
  dir.file('records.config', records)
  for (const [name, text] of Object.entries(files)) dir.file(name, text)
  return { dir, place: { confDir: dir.path, env: {} } }
}

test('times of records in seconds are milliseconds in the settings', async t => {
  const { transaction, connect, listener, origin, names, inboundTls, verification } = settings({
    'proxy.config.http.transaction_no_activity_timeout_in': 3,
    'proxy.config.http.transaction_no_activity_timeout_out': 2,
    'proxy.config.http.tunnel_no_activity_timeout': 7,
    'proxy.config.http.connect_attempts_timeout': 4,
    'proxy.config.hostdb.lookup_timeout': 5,
    'proxy.config.ssl.handshake_timeout_in': 6,
    'proxy.config.ssl.client.handshake_timeout': 7,
    'proxy.config.ssl.client.verify.deadline': 8,
  })
  t.equal(listener.limits.headersTimeout, 3000)
  t.equal(transaction.idleTimeout, 2000)
  t.equal(transaction.clientIdleTimeout, 3000)
  t.match(connect, { helloTimeout: 3000, idleTimeout: 7000 }, 'tunnels have a time of their own')
  t.equal(origin.connectTimeout, 4000)
  t.equal(names.timeout, 5000)
  t.equal(inboundTls.handshakeTimeout, 6000)
  t.match(verification, { handshakeTimeout: 7000, deadline: 8 }, 'a record in milliseconds stays as it is')
})

test('the active timeout is the shorter of two, of which 0 sets no limit', async t => {
  const active = (inbound: number, outbound: number): number =>
    settings({
      'proxy.config.http.transaction_active_timeout_in': inbound,
      'proxy.config.http.transaction_active_timeout_out': outbound,
    }).transaction.activeTimeout
  t.strictSame([active(0, 0), active(0, 2), active(3, 0), active(3, 2)], [0, 2000, 3000, 2000])
})

test('texts of records are parsed', async t => {
  const { listener, connect, names, accessLog, transaction } = settings({
    'proxy.config.http.server_ports': '8080 8443:ssl',
    'proxy.config.http.connect_ports': '443 1000-2000',
    'proxy.config.dns.nameservers': '192.0.2.1',
    'proxy.config.log.logging_enabled': 1,
    'proxy.config.log.format': '%<chi>',
    'proxy.config.log.filename': 'stdout',
  })
  t.match(listener.ports, [
    { port: 8080, isTls: false },
    { port: 8443, isTls: true },
  ])
  t.strictSame(connect.ports, [
    { first: 443, last: 443 },
    { first: 1000, last: 2000 },
  ])
  t.strictSame(names.nameservers, ['192.0.2.1:53'])
  t.match(accessLog, { isErrorsOnly: true, layout: [{ symbol: 'chi' }], file: 'stdout' })
  t.equal(transaction.via.name, hostname(), 'NULL is the name of the host')
  t.equal(settings().accessLog, undefined, 'there is no access log by default')
})

test('files are absolute, with the record that names them', async t => {
  const { admin, access, verification, outboundTls } = settings({
    'proxy.config.ssl.client.CA.cert.path': 'cas',
    'proxy.config.ssl.client.CA.cert.filename': 'root.pem',
    'proxy.config.ssl.servername.filename': 'rules.yaml',
  })
  t.match(admin, { socket: { path: '/etc/portcullis/portcullis.sock' }, isDefault: true })
  t.equal(settings({ 'proxy.config.admin.socket': null }).admin.socket, undefined)
  t.equal(settings({ 'proxy.config.admin.socket': '/run/p' }).admin.socket?.path, '/run/p')
  t.match(access.ipAllow, { path: '/etc/portcullis/ip_allow.yaml', mayBeMissing: true })
  t.match(verification.rules, { path: '/etc/portcullis/rules.yaml', mayBeMissing: false })
  t.match(outboundTls.anchors, {
    path: '/etc/portcullis/cas/root.pem',
    by: /^records:\d+: proxy\.config\.ssl\.client\.CA\.cert\.filename$/,
  })
  t.strictSame(
    outboundTls.suspects.map(name => name.replace(/^records:\d+: /, '')),
    ['proxy.config.ssl.client.CA.cert.filename', 'proxy.config.ssl.client.CA.cert.path'],
  )
})

test('settings are frozen, to the last object', async t => {
  const frozen = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    t.ok(Object.isFrozen(value), path)
    for (const [key, inner] of Object.entries(value)) frozen(inner, `${path}.${key}`)
  }
  frozen(settings({ 'proxy.config.log.logging_enabled': 2 }), 'settings')
})

test('a reload keeps records that need a restart, and names them', async t => {
  const { dir, place } = conf(t, 'CONFIG proxy.config.http.server_ports STRING 1\n')
  const first = readConfiguration(place).settings
  dir.file(
    'records.config',
    'CONFIG proxy.config.http.server_ports STRING 2\nCONFIG proxy.config.http.connect_ports STRING 9\n',
  )
  const second = readConfiguration(place, first)
  t.match(second.settings, { listener: { ports: [{ port: 1 }] }, connect: { ports: [{ first: 9 }] } })
  t.strictSame(second.waiting, [`${dir.path}/records.config:1: proxy.config.http.server_ports`])
  const third = readConfiguration(place, second.settings)
  t.match(third.settings.listener.ports, [{ port: 1 }], 'after a second reload as well')
})

test('the rules, the hosts and the plugins are read from the files that the records name', async t => {
  const { place } = conf(t, 'CONFIG proxy.config.hostdb.host_file.path STRING hosts\n', {
    hosts: '192.0.2.7 a.test',
    'sni.yaml': 'sni: [{fqdn: b.test}]',
    'plugin.config': 'p.js $proxy.config.plugin.deadline',
  })
  const { rules, hosts, pluginLines, waiting } = readConfiguration(place)
  t.match(rules, [{ fqdn: 'b.test' }])
  t.strictSame(hosts.get('a.test'), ['192.0.2.7'])
  t.match(pluginLines, [{ name: 'p', argv: ['p.js', /^\d+$/] }])
  t.strictSame(waiting, [])
})

test('a path of a socket that is too long is an error only if a record sets it', async t => {
  const long = 's'.repeat(108)
  const { dir } = conf(t, `CONFIG proxy.config.admin.socket STRING ${long}\n`)
  t.throws(() => readConfiguration({ confDir: dir.path, env: {} }), { code: 'PTC_ADMIN_SOCKET' })
  const deep = `${dir.path}/${long}`
  dir.file(`${long}/records.config`, '')
  dir.file(`${long}/plugin.config`, '')
  t.doesNotThrow(
    () => readConfiguration({ confDir: deep, env: {} }),
    'the default keeps no proxy from its work',
  )
  t.ok((readSettings({ confDir: deep, env: {} }).admin.socket?.path.length ?? 0) > 107)
})
