import fc from 'fast-check'
import { test } from 'tap'
import {
  type HelloReading,
  MAX_HELLO_BYTES,
  readClientHello,
} from '../../../../core/tls/sniff/client-hello.js'
import {
  helloMessage,
  inRecords,
  RECORDED,
  RECORDED_NAME,
  realHello,
  recordedHello,
} from '../../../kit/client-hellos.js'
import { greased } from '../../../kit/greased-hello.js'

const read = (parts: Parameters<typeof helloMessage>[0]): HelloReading =>
  readClientHello(inRecords(helloMessage(parts)))

/** The name of a ClientHello, or why it is none. */
const nameOf = (reading: HelloReading): string | undefined =>
  reading.kind === 'hello' ? reading.hello.sni : reading.kind

test('what real clients send is read', async t => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const bytes = await realHello({
      servername: 'Www.Example.com',
      ALPNProtocols: ['h2', 'http/1.1'],
      maxVersion,
    })
    t.strictSame(readClientHello(bytes), {
      length: bytes.length,
      kind: 'hello',
      hello: {
        sni: 'www.example.com',
        announced: 'Www.Example.com',
        alpn: ['h2', 'http/1.1'],
        ech: undefined,
      },
    })
  }
  t.match(readClientHello(await realHello({})), { hello: { sni: undefined, alpn: [] } }, 'without a name')
})

test('a ClientHello is complete with its last byte, and not before', async t => {
  const bytes = inRecords(helloMessage({ names: ['example.com'] }), 50)
  for (let end = 0; end < bytes.length; end++)
    if (readClientHello(bytes.subarray(0, end)).kind !== 'more') t.fail(`decided after ${end} bytes`)
  t.equal(nameOf(readClientHello(bytes)), 'example.com')
  t.equal(nameOf(readClientHello(Buffer.concat([bytes, Buffer.from('early data')]))), 'example.com')
})

test('a ClientHello may be cut into records anywhere', async t => {
  const whole = helloMessage({ names: ['example.com'], alpn: ['http/1.1'] })
  for (let at = 1; at < whole.length; at++) {
    const cut = Buffer.concat([inRecords(whole.subarray(0, at)), inRecords(whole.subarray(at))])
    if (nameOf(readClientHello(cut)) !== 'example.com') t.fail(`cut after ${at} bytes`)
  }
  for (let size = 1; size < 40; size++)
    t.equal(nameOf(readClientHello(inRecords(whole, size))), 'example.com')
})

test('post-quantum hellos of real clients are read however they are cut into records', async t => {
  for (const client of ['Chromium 156', 'Node 26'] as const) {
    const whole = recordedHello(client)
    const body = whole.subarray(5)
    t.ok(whole.length > 1500, 'more than a segment')
    for (let at = 1; at < body.length; at++) {
      const cut = Buffer.concat([inRecords(body.subarray(0, at)), inRecords(body.subarray(at))])
      if (nameOf(readClientHello(cut)) !== RECORDED_NAME) t.fail(`${client}, a record ends at ${at}`)
      if (readClientHello(whole.subarray(0, at + 4)).kind !== 'more') t.fail(`decided after ${at + 4} bytes`)
    }
    for (let count = 2; count <= 200; count++) {
      const size = Math.ceil(body.length / count)
      if (nameOf(readClientHello(inRecords(body, size))) !== RECORDED_NAME) t.fail(`records of ${size} bytes`)
    }
  }
})

test('GREASE in every place changes nothing', async t => {
  for (const client of RECORDED) {
    const hello = recordedHello(client)
    const [plain, more] = [readClientHello(hello), readClientHello(inRecords(greased(hello.subarray(5))))]
    t.ok(plain.kind === 'hello' && more.kind === 'hello' && more.length > plain.length + 300, client)
    if (plain.kind !== 'hello' || more.kind !== 'hello') continue
    const { alpn, ...rest } = more.hello
    t.match(plain.hello, rest)
    t.strictSame(
      alpn.filter(name => name.length !== 2 || name === 'h2'),
      plain.hello.alpn,
    )
  }
})

test('a name is read as the host that it means, and kept as it was written', async t => {
  const cases: Record<string, string> = {
    'WWW.Example.COM': 'www.example.com',
    'www.example.com.': 'www.example.com',
    'a_b.example': 'a_b.example',
    '-a-.example': '-a-.example',
    '127.0.0.1': '127.0.0.1',
    '::1': '::1',
    '0:0:0:0:0:0:0:1': '::1',
    '::ffff:127.0.0.1': '127.0.0.1',
    'xn--bcher-kva.example': 'xn--bcher-kva.example',
    'bücher.example': 'xn--bcher-kva.example',
    'BÜCHER.example.': 'xn--bcher-kva.example',
  }
  for (const [announced, sni] of Object.entries(cases)) {
    const bytes = Buffer.from(announced).toString('latin1')
    t.match(read({ names: [bytes] }), { kind: 'hello', hello: { sni, announced } }, announced)
  }
})

test('an encrypted ClientHello is noticed, the outer name read', async t => {
  const reading = read({ names: ['public.example'], more: [[0xfe0d, Buffer.alloc(40)]] })
  t.match(reading, { hello: { sni: 'public.example', ech: '\0'.repeat(40) } })
})

test('a ClientHello without extensions has no name', async t => {
  t.match(read({ bare: true }), { kind: 'hello', hello: { sni: undefined } })
  t.match(read({}), { kind: 'hello', hello: { sni: undefined } })
})

test('what two readers could read in two ways is refused', async t => {
  const sni = (...bytes: number[]): [number, Buffer] => [0, Buffer.from(bytes)]
  const cases: Record<string, Parameters<typeof helloMessage>[0]> = {
    'two names': { names: ['a.example', 'b.example'] },
    'the extension twice': { names: ['a.example'], more: [sni(0, 6, 0, 0, 3, 0x62, 0x2e, 0x63)] },
    'a name with a zero byte': { names: ['a.example\0.b.example'] },
    'a name with a port': { names: ['a.example:443'] },
    'a number that resolvers read as an address': { names: ['0x7f000001'] },
    'an address with a zone': { names: ['fe80::1%eth0'] },
    'an address in brackets': { names: ['[::1]'] },
    'a name with two final dots': { names: ['a.example..'] },
    'a name with an empty label': { names: ['a..example'] },
    'a name with a blank': { names: ['a example'] },
    'a name in no encoding': { names: ['a\xff.example'] },
    'a name that is too long': { names: [`${'a.'.repeat(127)}example`] },
    'an empty name': { more: [sni(0, 3, 0, 0, 0)] },
    'an empty extension': { more: [sni()] },
    'an empty list': { more: [sni(0, 0)] },
    'a name of another type': { more: [sni(0, 4, 1, 0, 1, 0x61)] },
    'a list longer than its extension': { more: [sni(0, 9, 0, 0, 1, 0x61)] },
    'bytes behind the list': { more: [sni(0, 4, 0, 0, 1, 0x61, 0)] },
    'bytes behind the extensions': { names: ['a.example'], tail: Buffer.from([0]) },
    'an empty protocol': { more: [[16, Buffer.from([0, 1, 0])]] },
  }
  for (const [what, parts] of Object.entries(cases)) t.match(read(parts), { kind: 'not-tls' }, what)
  const twoMessages = Buffer.concat([
    helloMessage({ names: ['a.example'] }),
    helloMessage({ names: ['b.example'] }),
  ])
  t.match(readClientHello(inRecords(twoMessages)), { kind: 'not-tls' }, 'two messages in one record')
})

test('what is no TLS is refused at once', async t => {
  for (const text of [
    'GET / HTTP/1.1\r\n\r\n',
    'SSH-2.0-OpenSSH_9.2\r\n',
    '\x80\x2e\x01\x03\x01',
    '\x16\x02\x00\x00\x05',
  ])
    t.match(readClientHello(Buffer.from(text, 'latin1')), { kind: 'not-tls' }, JSON.stringify(text))
  t.match(readClientHello(inRecords(Buffer.from([2, 40]), 16, 21)), { kind: 'not-tls' }, 'an alert')
  t.match(readClientHello(Buffer.from([23])), { kind: 'not-tls' }, 'application data, by its first byte')
  t.match(readClientHello(Buffer.from([22, 3, 1, 0, 0])), { kind: 'not-tls' }, 'an empty record')
  t.match(readClientHello(inRecords(Buffer.from([2, 0, 0, 1, 0]))), { kind: 'not-tls' }, 'another message')
})

test('a ClientHello has a limit', async t => {
  const large = helloMessage({ names: ['a.example'], more: [[21, Buffer.alloc(MAX_HELLO_BYTES)]] })
  t.match(readClientHello(inRecords(large).subarray(0, 100)), { kind: 'more' }, 'the record is not there yet')
  t.match(readClientHello(inRecords(large)), { kind: 'not-tls' })
  t.match(readClientHello(inRecords(large, 100).subarray(0, 150)), { kind: 'not-tls' }, 'its header says so')
  const tiny = inRecords(helloMessage({ names: ['a.example'], more: [[21, Buffer.alloc(400)]] }), 1)
  t.match(readClientHello(tiny.subarray(0, 6 * 256)), { kind: 'more' })
  t.match(readClientHello(tiny), { kind: 'not-tls' }, 'in too many records')
})

test('no bytes whatever make the reader throw', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      readClientHello(Buffer.from(bytes))
    }),
  )
  const good = inRecords(helloMessage({ names: ['example.com'], alpn: ['http/1.1'] }))
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
      const changed = Buffer.from(good)
      changed[at] = byte
      const reading = readClientHello(changed.subarray(0, end))
      return ['more', 'not-tls', 'hello'].includes(reading.kind)
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
