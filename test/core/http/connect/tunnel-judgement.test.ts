import { test } from 'tap'
import { readOpening } from '../../../../core/http/connect/opening.js'
import {
  type ConnectMode,
  judgeTunnel,
  type TunnelJudgement,
} from '../../../../core/http/connect/tunnel-judgement.js'
import { helloMessage, inRecords } from '../../../kit/client-hellos.js'

const MODES: Readonly<Record<string, ConnectMode>> = {
  'tunnel.example': 'tunnel',
  'probe.example': 'probe',
  'bump.example': 'bump',
}
const rules = {
  modeOf: (host: string): ConnectMode => MODES[host] ?? 'tunnel',
  modeOfAddress: (address: string): ConnectMode | undefined => (address === '10.0.0.1' ? 'bump' : undefined),
}
const ADDRESS = '10.0.0.2'

function judge(connect: string, first?: string | Buffer | null, address = ADDRESS): TunnelJudgement {
  if (first === undefined) return judgeTunnel({ connect }, rules)
  const helloFor = (name: string | null): Buffer =>
    inRecords(helloMessage({ names: name === null ? [] : [name] }))
  const bytes = Buffer.isBuffer(first) ? first : helloFor(first)
  const opening = readOpening(bytes)
  if (opening === 'more') throw new Error('the opening is not complete')
  return judgeTunnel({ connect, opening, address }, rules)
}

test('the strictest rule of all names decides the mode', async t => {
  const hosts = ['tunnel.example', 'probe.example', 'bump.example'] as const
  for (const [i, connect] of hosts.entries()) {
    t.equal(judge(connect).mode, MODES[connect], `${connect}, before its ClientHello`)
    for (const [k, sni] of hosts.entries())
      t.equal(judge(connect, sni).mode, MODES[hosts[Math.max(i, k)] ?? ''], `${connect} with SNI ${sni}`)
  }
  t.equal(judge('tunnel.example', 'tunnel.example', '10.0.0.1').mode, 'bump', 'a rule for the address')
})

test('a rule applies however the name is written', async t => {
  for (const sni of ['BUMP.example', 'bump.example.', 'Bump.Example.'])
    t.match(judge('tunnel.example', sni), { mode: 'bump', host: 'bump.example', announced: sni }, sni)
  t.match(judge('probe.example', 'PROBE.example.'), { host: 'probe.example', others: [] }, 'the same host')
})

test("a ClientHello without a name is judged by the CONNECT's host", async t => {
  t.match(judge('tunnel.example', null), { mode: 'tunnel', host: 'tunnel.example', others: [] })
  t.match(judge('probe.example', null), { mode: 'probe', host: ADDRESS, others: [] }, 'as its address')
  t.match(judge('bump.example', null), { mode: 'bump', host: 'bump.example', others: [] })
})

test('of an encrypted ClientHello the outer name counts', async t => {
  const outer = helloMessage({ names: ['bump.example'], more: [[0xfe0d, Buffer.alloc(40)]] })
  t.match(judge('tunnel.example', inRecords(outer)), { mode: 'bump', host: 'bump.example' })
})

test('a plain HTTP request names hosts, too', async t => {
  const cases: Record<string, readonly string[]> = {
    'GET / HTTP/1.1\r\nHost: bump.example\r\n\r\n': ['bump.example'],
    '\r\n\r\nGET / HTTP/1.1\nhost :  BUMP.example.:80 \n\n': ['bump.example'],
    'FOO / HTTP/1.0\r\nA: b\r\nHost:bump.example\r\n\r\n': ['bump.example'],
    'GET http://u:p@bump.example:81/x HTTP/1.1\r\nHost: tunnel.example\r\n\r\n': ['bump.example'],
    'GET http://probe.example?x HTTP/1.1\r\nHost: bump.example\r\nHost: a.example\r\n\r\n': [
      'probe.example',
      'bump.example',
      'a.example',
    ],
    'GET / HTTP/1.1\r\nX-Host: a\r\n\r\nHost: b.example\r\n\r\n': [],
  }
  for (const [text, others] of Object.entries(cases)) {
    const judgement = judge('tunnel.example', Buffer.from(text))
    t.strictSame(judgement.others, others, text)
    t.equal(judgement.mode, others.includes('bump.example') ? 'bump' : 'tunnel', text)
  }
})

test('the first bytes of a client are classified byte by byte', async t => {
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const hello = inRecords(helloMessage({ names: ['a.example'] }), 20)
  for (const bytes of [Buffer.from(request), hello]) {
    for (let end = 0; end < bytes.length; end++)
      if (readOpening(bytes.subarray(0, end)) !== 'more') t.fail(`decided after ${end} bytes`)
    t.not(readOpening(bytes), 'more')
  }
  for (const text of ['x', '\0\0\0\x05hello', 'SSH-2.0-x', 'EHLO x', '{"a"', 'GET\0', 'GET / RTSP/1.0\r\n'])
    t.match(readOpening(Buffer.from(text)), { kind: 'other' }, `${JSON.stringify(text)} passes at once`)
  t.match(readOpening(Buffer.from('GET'), true), { kind: 'other' }, 'and what ends')
  for (const [what, bytes] of Object.entries({
    'a record of another version': Buffer.from([22, 2, 0, 0, 5]),
    'another message than a ClientHello': inRecords(Buffer.from([2, 0, 0, 1, 0])),
    'two ClientHellos in one record': inRecords(
      Buffer.concat([helloMessage({ names: ['a.example'] }), helloMessage({ names: ['b.example'] })]),
    ),
    'an alert': inRecords(Buffer.from([1, 0]), 2, 21),
    'a request without an end': Buffer.from(`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(4000)}`),
  }))
    t.match(readOpening(bytes), { kind: 'bad' }, what)
})

test('a ClientHello in the frame of SSLv2 hides its host, in however many pieces', t => {
  for (const version of [
    [3, 3],
    [3, 1],
    [0, 2],
  ]) {
    const hello = Buffer.from([0x80, 0x2e, 1, ...version, 0, 0x15, 0, 0, 0, 0x10])
    for (let end = 1; end < 5; end += 1) t.equal(readOpening(hello.subarray(0, end)), 'more')
    t.match(readOpening(hello), { kind: 'bad', why: /SSLv2/ })
  }
  for (const other of [
    [0x80, 0x2e, 2],
    [0x80, 0x2e, 1, 4],
    [0x80, 0x2e, 1, 0, 3],
    [0xff, 0xfb],
  ])
    t.match(readOpening(Buffer.from([...other, ...(other.length === 2 ? [0x1f] : [])])), { kind: 'other' })
  t.end()
})
