/** The records of Traffic Server: known, ignored and counted, or refused because they protect. */
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { applyEnvironment, parseRecordLines, type RecordLines } from '../../../../core/config/record-lines.js'
import { parseRecords } from '../../../../core/config/records.js'
import { isRecordName } from '../../../../core/config/records-table.js'
import { parseRecordsYaml } from '../../../../core/config/records-yaml.js'
import { lostProtection } from '../../../../core/config/traffic-server/protective.js'

const FOLDER = 'test/fixtures/configs'

/** Name, type and default of every record of the two tables. */
function published(): readonly (readonly [name: string, type: string, byDefault: string])[] {
  return ['records-names.tsv', 'older-names.tsv'].flatMap(file =>
    readFileSync(`${FOLDER}/${file}`, 'utf8')
      .split('\n')
      .slice(1)
      .filter(line => line !== '')
      .map(line => {
        const [name = '', , type = '', byDefault = ''] = line.split('\t')
        return [name, type, byDefault === '' || byDefault.startsWith('<') ? 'NULL' : byDefault] as const
      }),
  )
}

const complaints = ({ problems }: RecordLines): readonly string[] => problems.map(({ what }) => what)

test('every record of Traffic Server 3.0 to 10.2', async t => {
  const records = published()
  t.equal(records.length, 925)
  for (const [name, type, byDefault] of records) {
    const lines = parseRecordLines(`CONFIG ${name} ${type} ${type === 'INT' ? '0' : byDefault}`, 'r')
    t.notMatch(complaints(lines).join(), /there is no record|did you mean/, `${name} is known`)
    const isKept = lines.settings.size + lines.ignored.length + lines.problems.length
    t.equal(isKept, 1, `${name} is used, counted or refused`)
  }
})

test('a record that means nothing here', async t => {
  const text =
    'CONFIG proxy.config.cache.ram_cache.size INT 32GB\nCONFIG proxy.config.cluster.cluster_port INT 8086'
  const { ignored, problems } = parseRecordLines(text, 'r')
  t.strictSame(ignored, [
    { name: 'proxy.config.cache.ram_cache.size', where: 'r:1' },
    { name: 'proxy.config.cluster.cluster_port', where: 'r:2' },
  ])
  t.strictSame(problems, [])
  t.match(
    complaints(parseRecordLines('CONFIG proxy.config.cache.ram_cache.size 512MB', 'r')).join(),
    /unknown data type "512MB"/,
    'still needs a type',
  )
  const lines = applyEnvironment(parseRecordLines('', 'r'), { PROXY_CONFIG_CACHE_RAM_CACHE_SIZE: '1' })
  t.strictSame(
    lines.ignored,
    [
      {
        name: 'proxy.config.cache.ram_cache.size',
        where: 'environment variable PROXY_CONFIG_CACHE_RAM_CACHE_SIZE',
      },
    ],
    'may stand in the environment too',
  )
})

test('a record that protects is refused with a remedy', async t => {
  const refused = [
    ['proxy.config.http.forward.proxy_auth_to_parent', 'INT', '1', /credentials in parent\.config/],
    ['proxy.config.http.parent_proxy.disable_connect_tunneling', 'INT', '1', /method=CONNECT/],
    ['proxy.config.dns.splitDNS.enabled', 'INT', '1', /proxy\.config\.dns\.nameservers/],
    ['proxy.config.socks.socks_needed', 'INT', '1', /SOCKS server.*parent="socks5:/],
    ['proxy.config.acl.subjects', 'STRING', 'PROXY', /PROXY,PEER/],
    ['proxy.config.ssl.SSLv3', 'INT', '1', /set it to 0/],
    ['proxy.config.ssl.client.version.min', 'INT', '2', /proxy\.config\.ssl\.client\.TLSv1_2/],
    ['proxy.local.outgoing_ip_to_bind', 'STRING', '192.0.2.1', /firewall/],
    ['proxy.config.url_remap.remap_required', 'INT', '1', /ip_allow\.yaml/],
  ] as const
  for (const [name, type, value, way] of refused) {
    const [complaint = '', ...more] = complaints(parseRecordLines(`CONFIG ${name} ${type} ${value}`, 'r'))
    const said = isRecordName(name) ? saidOf(`CONFIG ${name} ${type} ${value}`) : complaint
    t.match(said, way, name)
    t.match(said, name)
    t.equal(more.length, 0)
  }
  t.equal(
    lostProtection('proxy.config.socks.socks_needed', '0'),
    undefined,
    'a value that protects nothing is ignored',
  )
  for (const value of ['PEER', 'PROXY,PEER', '"PROXY, PEER"'])
    t.equal(lostProtection('proxy.config.acl.subjects', value), undefined, value)
  const inEnvironment = applyEnvironment(parseRecordLines('', 'r'), { PROXY_CONFIG_SOCKS_SOCKS_NEEDED: '1' })
  t.match(complaints(inEnvironment).join(), /SOCKS server/)
})

function saidOf(text: string): string {
  try {
    parseRecords(text, 'r')
    return ''
  } catch (error) {
    return String(error)
  }
}

test('hints', async t => {
  const hint = (name: string): string => complaints(parseRecordLines(`CONFIG ${name} INT 1`, 'r')).join()
  t.match(
    hint('proxy.config.log.custom_log_enabled'),
    /there is no record.*did you mean proxy\.config\.log\.custom_logs_enabled\?/,
  )
  t.match(
    hint('proxy.config.ssl.client.verify.serve'),
    /did you mean proxy\.config\.ssl\.client\.verify\.server\?/,
  )
  t.notMatch(hint('proxy.config.spdy.enabled'), /did you mean/, 'a record of another group is no hint')
  t.match(hint('proxy.config.htpp.connect_ports'), /did you mean proxy\.config\.http\.connect_ports\?/)
  t.match(hint('proxy.config.frobnicate.everything'), /there is no record.*remove the line/)
})

test('records.yaml', async t => {
  const yaml = [
    'ts:',
    '  http:',
    '    server_ports: 8080 8443:ssl',
    '    connect_ports: 443',
    '    down_server:',
    '      cache_time: 60',
    '  ssl:',
    '    client:',
    '      CA:',
    '        cert:',
    '          filename: null',
    '      TLSv1_3:',
    '        enabled: 0',
    '  net:',
    '    connections_throttle:',
    '      0x10',
  ]
  const read = parseRecordsYaml(yaml.join('\n'), 'y')
  const config = [
    'CONFIG proxy.config.http.server_ports STRING 8080 8443:ssl',
    'CONFIG proxy.config.http.connect_ports STRING 443',
    'CONFIG proxy.config.http.down_server.cache_time INT 60',
    'CONFIG proxy.config.ssl.client.CA.cert.filename STRING NULL',
    'CONFIG proxy.config.ssl.client.TLSv1_3 INT 0',
    'CONFIG proxy.config.net.connections_throttle INT 0x10',
  ]
  const same = parseRecordLines(config.join('\n'), 'r')
  const values = ({ settings }: RecordLines) => [...settings].map(([name, { value }]) => [name, value])
  t.strictSame(read.problems, [])
  t.strictSame(values(read), values(same), 'says what the same lines of records.config say')
  t.strictSame(read.ignored, [{ name: 'proxy.config.http.down_server.cache_time', where: 'y:6' }])
  t.equal(read.settings.get('proxy.config.net.connections_throttle')?.where, 'y:15')

  const wrong = (text: string): string =>
    parseRecordsYaml(text, 'y')
      .problems.map(({ where, what }) => `${where}: ${what}`)
      .join('\n')
  t.match(wrong('proxy:\n  config: 1'), /^y:1: unknown root key "proxy"; .*records \(or ts/)
  t.match(wrong('- a'), /^y:1: the file must be a map/)
  t.match(
    wrong('ts:\n  http:\n    server_ports: [8080]'),
    /^y:3: proxy\.config\.http\.server_ports is a list/,
  )
  t.match(
    wrong('ts:\n  http:\n    server_port: 8080'),
    /^y:3: proxy\.config\.http\.server_port may not be ignored/,
  )
  t.match(wrong('ts:\n  net:\n    connections_throttle: many'), /^y:3: .* is not a whole number/)
  t.throws(() => parseRecordsYaml('a: b: c', 'y'), { code: 'PTC_RECORDS_INVALID' })
  for (const nothing of ['', '# nothing', '---', 'records:', 'records:\n  http:\n'])
    t.strictSame(parseRecordsYaml(nothing, 'y').problems.length, 0, `${JSON.stringify(nothing)} sets nothing`)
})
