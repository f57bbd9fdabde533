/** Errors about what a record names say where the record was set, and its name. */
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { placed } from '../../../core/config/record-place.js'
import { parseRecords } from '../../../core/config/records.js'
import { ProxyServer } from '../../../core/program/proxy.js'
import { makeConfDir, placeFor } from '../../kit/proxy.js'

/** What is set, without its prefix, and what is said behind place and name. */
const COMPLAINTS: readonly (readonly [name: string, value: string, what: RegExp])[] = [
  ['ssl.client.CA.cert.filename', 'STRING gone.pem', /cannot read .*gone\.pem/],
  ['ssl.client.CA.cert.path', 'STRING gone', /cannot read .*gone/],
  ['ssl.client.cert.filename', 'STRING gone.pem', /cannot read .*gone\.pem/],
  ['ssl.client.cipher_suite', 'STRING FOO', /cipher list "FOO"/],
  ['ssl.client.groups_list', 'STRING P-1', /groups list "P-1"/],
  ['ssl.server.groups_list', 'STRING P-1', /groups list "P-1"/],
  ['ssl.client.certification_level', 'INT 1', /ssl\.CA\.cert\.filename .*; set one of them/],
  ['ssl.keylog_file', 'STRING gone/keys', /cannot open .*gone\/keys/],
  ['http.proxy_auth.htpasswd', 'STRING gone', /cannot read .*gone/],
  ['hostdb.host_file.path', 'STRING gone', /cannot read .*gone/],
  ['dns.resolv_conf', 'STRING gone', /cannot read .*gone/],
  ['dns.nameservers', 'STRING ns.example', /"ns\.example" is no address of a name server/],
  ['cache.ip_allow.filename', 'STRING gone.yaml', /cannot read .*gone\.yaml/],
  ['ssl.servername.filename', 'STRING gone.yaml', /cannot read .*gone\.yaml/],
  ['ssl.server.multicert.filename', 'STRING gone.config', /cannot read .*gone\.config/],
  ['body_factory.template_sets_dir', 'STRING gone', /cannot read .*gone\/default/],
  ['admin.socket', `STRING ${'s'.repeat(108)}`, /the path of the management socket has/],
]

test("an error in a record's file names the line that sets the record", async t => {
  for (const [name, value, what] of COMPLAINTS) {
    const record = `proxy.config.${name}`
    const conf = makeConfDir({
      records: {
        'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
        'proxy.config.ssl.client.CA.cert.filename': null,
      },
    })
    t.teardown(conf.remove)
    const file = `${conf.path}/records.config`
    const before = readFileSync(file, 'utf8')
      .split('\n')
      .filter(line => !line.includes(`${record} `))
    writeFileSync(file, [...before, `CONFIG ${record} ${value}`].join('\n'))
    const error: unknown = await ProxyServer.start(placeFor(conf.path, () => undefined)).catch(
      (cause: unknown) => cause,
    )
    const { message } = error as Error
    const place = `${file}:${before.length + 1}: ${record}`
    const lines = message.split('\n').map(line => line.trim())
    const line = lines.find(text => text.startsWith(place))
    t.match(line?.slice(place.length), what, name)
  }
})

test('where a record was set', async t => {
  const env = { PROXY_CONFIG_PROXY_NAME: 'x' }
  const records = parseRecords('\nCONFIG proxy.config.log.filename STRING a', 'r', env)
  t.equal(placed(records, 'proxy.config.log.filename'), 'r:2: proxy.config.log.filename')
  t.equal(
    placed(records, 'proxy.config.proxy_name'),
    'environment variable PROXY_CONFIG_PROXY_NAME: proxy.config.proxy_name',
  )
  t.equal(placed(records, 'proxy.config.log.format'), 'proxy.config.log.format', 'nowhere')
})
