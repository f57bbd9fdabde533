import fc from 'fast-check'
import { test } from 'tap'
import { readServerPorts } from '../../../core/config/ports.js'
import { isPortIn, readConnectPorts } from '../../../core/config/record-lists.js'

test('a descriptor of server_ports', async t => {
  const one = (text: string): unknown => readServerPorts(text).ports[0]
  const plain = {
    port: 8080,
    address: '0.0.0.0',
    family: 'ipv4',
    isTls: false,
    isSocks: false,
    isAnnounced: false,
  }
  t.strictSame(one('8080'), plain, 'is a number at least')
  t.strictSame(one('8080:ipv4'), plain)
  t.strictSame(one('8080:ipv6'), { ...plain, address: '::', family: 'ipv6' })
  t.strictSame(
    one('SSL:8443'),
    { ...plain, port: 8443, isTls: true },
    'has its keywords in any order and case',
  )
  t.strictSame(one('8080:pp'), { ...plain, isAnnounced: true })
  t.strictSame(one('1080:socks'), { ...plain, port: 1080, isSocks: true })
  t.strictSame(one('8080:ip-in=127.0.0.1'), { ...plain, address: '127.0.0.1' })
  t.strictSame(one('8080:ip-in127.0.0.1'), { ...plain, address: '127.0.0.1' }, 'may leave out =')
  t.strictSame(
    one('ip-in=[::1]:0:ssl'),
    { port: 0, address: '::1', family: 'ipv6', isTls: true, isSocks: false, isAnnounced: false },
    'has an IPv6 address in brackets, which says the family',
  )
})

test('server_ports is a list', async t => {
  t.strictSame(
    readServerPorts(' 8080, 8080:ipv6\t8443:ssl 0 0').ports.map(({ port, family }) => `${port} ${family}`),
    ['8080 ipv4', '8080 ipv6', '8443 ipv4', '0 ipv4', '0 ipv4'],
    'separated by blanks or commas',
  )
})

const SHAPE = 'a port is number[:ssl|:socks][:pp][:ipv4|:ipv6][:ip-in=address]'

/** A bad descriptor, and what is said about it. */
const COMPLAINTS: readonly (readonly [descriptor: string, message: string])[] = [
  ['ssl', 'there is no port number'],
  ['1080:ssl:socks', 'clients speak SOCKS without TLS; ssl and socks are two ports'],
  ['8080:8081', 'there are two port numbers; separate ports by a blank'],
  ['65536', '"65536" is not a port; ports end at 65535'],
  ['8080:ssk', 'unknown keyword "ssk"; did you mean ssl?'],
  ['8080:ip-im=1.2.3.4', `unknown keyword "ip-im=1.2.3.4"; ${SHAPE}`],
  ['8080::ssl', `unknown keyword ""; ${SHAPE}`],
  ['-1', `unknown keyword "-1"; ${SHAPE}`],
  ['8080:blind', 'blind is not supported'],
  ['8080:quic', 'quic is not supported'],
  ['8080:pp=x', 'pp=x is not supported'],
  ['8080:tr-full', 'tr-full is not supported'],
  ['8080:ip-resolve=ipv4', 'ip-resolve=ipv4 is not supported'],
  ['8080:ip-out=[::1]', 'ip-out=[::1] is not supported'],
  ['8080:proto=http2;http', 'proto=http2;http is not supported'],
  ['8080:ip-in=::1', 'ip-in needs an IP address, such as ip-in=127.0.0.1 or ip-in=[::1], not ""'],
  [
    '8080:ip-in=localhost',
    'ip-in needs an IP address, such as ip-in=127.0.0.1 or ip-in=[::1], not "localhost"',
  ],
  ['8080:ipv4:ip-in=[::1]', 'ipv6 contradicts the rest'],
  ['8080:ip-in=127.0.0.1:ipv6', 'ipv6 contradicts the rest'],
  ['8080:ip-in=127.0.0.1:ip-in=127.0.0.2', 'there are two ip-in addresses; separate ports by a blank'],
]

test('a malformed port descriptor is refused', async t => {
  for (const [descriptor, message] of COMPLAINTS)
    t.strictSame(readServerPorts(descriptor).wrong, [`"${descriptor}": ${message}`], descriptor)
  t.strictSame(readServerPorts('8080 8080:ssl').wrong, ['"8080:ssl": this port is listed twice'])
  t.strictSame(readServerPorts(' ,').wrong, ['the list names no port'])
  t.strictSame(readServerPorts('x y').wrong, [
    `"x": unknown keyword "x"; ${SHAPE}`,
    `"y": unknown keyword "y"; ${SHAPE}`,
  ])
})

test('connect_ports', async t => {
  const ranges = readConnectPorts('443, 1024-2047').ranges
  t.strictSame(
    [442, 443, 444, 1023, 1024, 2047, 2048].filter(port => isPortIn(ranges, port)),
    [443, 1024, 2047],
  )
  t.ok(isPortIn(readConnectPorts('*').ranges, 65_535), '* is every port')
  for (const bad of ['', 'https', '65536', '9-8', '1-2-3', '-5', '443;563'])
    t.equal(readConnectPorts(bad).wrong.length, 1, `${JSON.stringify(bad)} is refused`)
})

test('for any text the readers return ports or an error', async t => {
  const word = fc.oneof(
    fc.constantFrom('8080', 'ssl', 'ipv6', 'ip-in=[::1]', ':', '[', ']', ' ', '*', '-', '='),
    fc.string({ unit: 'binary', maxLength: 5 }),
  )
  fc.assert(
    fc.property(fc.array(word), words => {
      const text = words.join('')
      const { ports, wrong } = readServerPorts(text)
      const connect = readConnectPorts(text)
      return ports.length + wrong.length > 0 && connect.ranges.length + connect.wrong.length > 0
    }),
  )
  t.pass()
})
