/**
 * Traffic Server's tests of its TLS hooks (tests/gold_tests/tls_hooks), told again for TS_SSL_CERT_VERIFY_HOOK: its
 * plugin puts so many continuations on each hook, delayed or immediate, and its log is compared line by line.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { startProxyHere } from '../kit/proxy.js'

const HOST = 'hooks.test'
const DELAY = 120

/** As ssl_hook_test.cc: `-verify=2` delayed callbacks, `-i=2` immediate ones, and so on. */
const PLUGIN = `
export default ({ argv, hookAdd, note }) => {
  const counts = Object.fromEntries(argv.slice(1).map(token => token.slice(1).split('=')))
  const times = (name, fn) => { for (let i = 0; i < Number(counts[name] ?? 0); i++) fn(i) }
  times('out_start', i => hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ reenable }) => {
    note('Outbound start ' + i)
    reenable()
  }))
  times('out_start_delay', i => hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ reenable, schedule }) => {
    note('Outbound delay ' + i)
    schedule(() => { note('Outbound reenable'); reenable() }, ${DELAY})
  }))
  times('verify', i => hookAdd('TS_SSL_VERIFY_SERVER_HOOK', ({ reenable, schedule }) => {
    note('Verify callback ' + i)
    schedule(() => { note('Callback reenable'); reenable() }, ${DELAY})
  }))
  times('i', i => hookAdd('TS_SSL_VERIFY_SERVER_HOOK', ({ reenable }) => {
    note('Immediate callback ' + i)
    reenable()
  }))
  times('never', i => hookAdd('TS_SSL_VERIFY_SERVER_HOOK', ({ signal }) => {
    note('Verify callback ' + i)
    signal.addEventListener('abort', () => note('Aborted'))
  }))
  times('preaccept', i => hookAdd('TS_VCONN_PRE_ACCEPT_HOOK', ({ reenable }) => {
    note('Pre accept callback ' + i)
    reenable()
  }))
  times('d', i => hookAdd('TS_VCONN_PRE_ACCEPT_HOOK', ({ reenable, schedule }) => {
    note('Delayed pre accept ' + i)
    schedule(() => { note('Pre accept reenable'); reenable() }, ${DELAY})
  }))
  times('out_close', i => hookAdd('TS_VCONN_OUTBOUND_CLOSE_HOOK', () => note('Outbound close ' + i)))
  times('close', i => hookAdd('TS_VCONN_CLOSE_HOOK', () => note('Close callback ' + i)))
}
`

async function setUp(t: Test, options: string, ...more: string[]) {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({
    tls: await root.issue({ cn: HOST }),
    handler: (_, response) => response.writeHead(200, { Connection: 'close' }).end('ok'),
  })
  t.teardown(origin.stop)
  const proxy = await startProxyHere({
    plugins: [options, ...more].map(line => `hooktest.mjs ${line}`),
    modules: { 'hooktest.mjs': PLUGIN },
    hosts: [HOST],
    ca: root.certPem,
  })
  t.teardown(proxy.stop)
  const lines = (): string[] => [...proxy.output().matchAll(/\[hooktest] (.*)/g)].map(([, line = '']) => line)
  return { proxy, origin, lines, url: `https://${HOST}:${origin.port}/` }
}

const verify = (i: number): string[] => [`Verify callback ${i}`, 'Callback reenable']
const immediate = (i: number): string => `Immediate callback ${i}`

const TWINS: Readonly<Record<string, { options: string[]; expected: string[]; parks: number }>> = {
  'tls_hooks3: one delayed callback': { options: ['-verify=1'], expected: verify(0), parks: 1 },
  'tls_hooks8: two, strictly alternating with their reenables': {
    options: ['-verify=2'],
    expected: [...verify(0), ...verify(1)],
    parks: 2,
  },
  'tls_hooks9: one immediate': { options: ['-i=1'], expected: [immediate(0)], parks: 0 },
  'tls_hooks10: the delayed one first, then two immediate': {
    options: ['-verify=1 -i=2'],
    expected: [...verify(0), immediate(0), immediate(1)],
    parks: 1,
  },
  'the other way round: immediate first, over two lines': {
    options: ['-i=2', '-verify=2', '-i=1'],
    expected: [immediate(0), immediate(1), ...verify(0), ...verify(1), immediate(0)],
    parks: 2,
  },
  'parked at the certificate, after the start': {
    options: ['-out_start=1 -verify=2'],
    expected: ['Outbound start 0', ...verify(0), ...verify(1)],
    parks: 2,
  },
  'tls_hooks11: the start of a client, delayed': {
    options: ['-d=1'],
    expected: ['Delayed pre accept 0', 'Pre accept reenable'],
    parks: 1,
  },
  'tls_hooks12: immediates first, then the delayed one': {
    options: ['-preaccept=2 -d=1'],
    expected: [
      'Pre accept callback 0',
      'Pre accept callback 1',
      'Delayed pre accept 0',
      'Pre accept reenable',
    ],
    parks: 1,
  },
  'tls_hooks14: two on the way out, strictly alternating with their reenables': {
    options: ['-out_start_delay=2'],
    expected: ['Outbound delay 0', 'Outbound reenable', 'Outbound delay 1', 'Outbound reenable'],
    parks: 2,
  },
  'tls_hooks4: order over different hooks': {
    options: ['-verify=1 -out_start=1 -preaccept=1'],
    expected: ['Pre accept callback 0', 'Outbound start 0', ...verify(0)],
    parks: 1,
  },
}

for (const [title, { options, expected, parks }] of Object.entries(TWINS)) {
  test(title, async t => {
    const [first = '', ...more] = options
    const { proxy, lines, url } = await setUp(t, first, ...more)
    const began = performance.now()
    t.equal((await get(proxy.port, url)).status, 200)
    t.ok(performance.now() - began >= parks * DELAY - 5, 'each delay is waited for')
    t.same(lines(), expected)
  })
}

test('tls_hooks13: outbound start and close', async t => {
  const { proxy, lines, url } = await setUp(t, '-out_start=1 -out_close=2')
  t.equal((await get(proxy.port, url)).status, 200)
  await proxy.until(/Outbound close 1/)
  t.same(lines(), ['Outbound start 0', 'Outbound close 0', 'Outbound close 1'])
})

test('tls_hooks15: the outbound close comes before those of the client', async t => {
  const { proxy, lines, url } = await setUp(t, '-close=2 -out_close=1')
  const client = await rawClient(proxy.port)
  client.send(requestText(url))
  t.equal((await client.response('GET')).status, 200)
  await proxy.until(/Outbound close 0/)
  t.same(lines(), ['Outbound close 0'])
  client.stop()
  await proxy.until(/Close callback 1/)
  t.same(lines(), ['Outbound close 0', 'Close callback 0', 'Close callback 1'])
})

test('close_while_parked: the close hook is delivered while the handshake is parked', async t => {
  const { proxy, origin, lines, url } = await setUp(t, '-never=1 -out_close=1 -close=1')
  const client = await rawClient(proxy.port)
  client.send(requestText(url))
  await proxy.until(/Verify callback 0/)
  await sleep(50)
  t.same(lines(), ['Verify callback 0'])
  client.stop()
  await proxy.until(/Outbound close 0/)
  await proxy.until(/\[hooktest] Close callback 0/)
  t.same(
    lines().sort(),
    ['Aborted', 'Close callback 0', 'Outbound close 0', 'Verify callback 0'],
    'once each',
  )
  await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the origin to be left')
  t.equal(origin.handshakes.length, 0)
})
