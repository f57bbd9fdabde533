import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { loadSample, type Origin, park, SELF_SIGNED } from './kit.js'

const ACCEPT = [{ kind: 'accept' }]
const POLICY = [{ kind: 'reject', reason: 'policy' }]

test('async_verify.so alone does what the proof of concept did', async t => {
  const { set, log } = await loadSample(t, 'async_verify.so', 'delay_ms=30')

  t.test('rejects Google at once', async t => {
    log.length = 0
    const subjects = ['/C=US/O=Google LLC/CN=www.google.com', '/CN=An Issuer']
    t.match(park(set, { host: 'www.google.com', subjects }).verdicts, POLICY)
    t.match(
      log[0],
      /^DEBUG async_verify Verification callback called, event=TS_SSL_CERT_VERIFY_HOOK, vc=\d+$/,
    )
    t.strictSame(log.slice(1), [
      'DEBUG async_verify Server certificate[0]: /C=US/O=Google LLC/CN=www.google.com',
      'DEBUG async_verify Server certificate[1]: /CN=An Issuer',
      'DEBUG async_verify GOOGLE! We reject the certificate.',
    ])
  })

  t.test('accepts Facebook at once', async t => {
    t.strictSame(park(set, { host: 'facebook.com' }).verdicts, ACCEPT)
    t.equal(log.at(-1), 'DEBUG async_verify FACEBOOK! We accept the certificate.')
  })

  t.test('accepts Twitter when the delay is over, and not before', async t => {
    const before = performance.now()
    const parked = park(set, { host: 'twitter.com' })
    t.strictSame(parked.verdicts, [], 'parked')
    t.equal(log.at(-1), 'DEBUG async_verify TWITTER! Scheduling deferred ACCEPT.')
    while (parked.verdicts.length === 0 && performance.now() - before < 2000) await sleep(2)
    t.strictSame(parked.verdicts, ACCEPT)
    t.ok(performance.now() - before >= 29)
    t.match(log.at(-1), /Scheduled callback called for vc=\d+, resuming SSL handshake\.$/)
  })

  t.test('calls nothing for a handshake that was left', async t => {
    log.length = 0
    const parked = park(set, { host: 'twitter.com' })
    parked.leave()
    await sleep(50)
    t.strictSame(parked.verdicts, [])
    t.notMatch(log.at(-1), /Scheduled callback/)
  })

  t.test('accepts everybody else', async t => {
    t.strictSame(park(set, { host: 'example.com' }).verdicts, ACCEPT)
  })

  t.test('sees requests that are about to be sent', async t => {
    const [hooked] = set.registry.on('TS_HTTP_SEND_REQUEST_HDR_HOOK')
    const vconn = { id: 7, direction: 'outbound', remoteAddress: '', localAddress: '', args: {} } as const
    hooked?.continuation({ vconn, method: 'GET', url: 'https://a/' })
    t.equal(
      log.at(-1),
      'DEBUG async_verify TS_EVENT_HTTP_SEND_REQUEST_HDR event received, vc=7 GET https://a/',
    )
  })
})

test('a host is matched at the boundary of a label, whatever its capitals', async t => {
  const { set } = await loadSample(
    t,
    'async_verify.so',
    'block=google.com,*.Evil.Example,127.0.0.1',
    'allow=',
    'delay=',
  )
  const isBlocked = (origin: Origin): boolean => park(set, origin).verdicts[0]?.kind === 'reject'
  for (const host of [
    'google.com',
    'www.google.com',
    'WWW.GOOGLE.COM.',
    'evil.example',
    'a.b.evil.example',
    '127.0.0.1',
  ]) {
    t.equal(isBlocked({ host }), true, host)
  }
  for (const host of ['notgoogle.com', 'google.com.example', 'google.co', 'example', '10.127.0.0.1x']) {
    t.equal(isBlocked({ host }), false, host)
  }
  t.equal(isBlocked({ host: '192.0.2.1', sni: 'www.google.com' }), true, 'by the SNI')
  t.equal(
    isBlocked({ host: 'www.google.com', sni: 'cdn.example' }),
    true,
    'or by the name it is checked against',
  )
})

test('subjects', async t => {
  const google = '/O=Google LLC/CN=x'
  const facebook = '/O=Facebook/CN=x'
  const issuedByGoogle = ['/CN=x', '/C=US/O=Google Trust Services/CN=WE1']

  t.test('are searched in every certificate, for a word with its capitals', async t => {
    const { set } = await loadSample(t, 'async_verify.so')
    t.match(park(set, { host: 'a.example', subjects: [google] }).verdicts, POLICY)
    t.match(park(set, { host: 'a.example', subjects: issuedByGoogle }).verdicts, POLICY)
    t.strictSame(park(set, { host: 'a.example', subjects: ['/CN=google'] }).verdicts, ACCEPT)
    const twitter = park(set, { host: 'a.example', subjects: ['/CN=x', '/O=Twitter'] })
    t.strictSame(twitter.verdicts, [], 'parked')
    twitter.leave()
  })

  t.test('never turn a block into an allow', async t => {
    const { set } = await loadSample(t, 'async_verify.so')
    t.match(park(set, { host: 'google.com', subjects: [facebook] }).verdicts, POLICY)
    t.match(park(set, { host: 'facebook.com', subjects: [google] }).verdicts, POLICY)
    t.match(park(set, { host: 'twitter.com', subjects: [google] }).verdicts, POLICY)
    t.match(park(set, { host: 'a.example', subjects: [facebook, '/O=Google'] }).verdicts, POLICY)
    t.match(park(set, { host: 'a.example', subjects: [facebook, google] }).verdicts, POLICY)
    const both = park(set, { host: 'a.example', subjects: [facebook, '/O=Twitter'] })
    t.strictSame(both.verdicts, [], 'delay beats allow')
    both.leave()
  })

  t.test('of issuers do not count for a host that is in a list', async t => {
    const { set } = await loadSample(t, 'async_verify.so')
    t.strictSame(park(set, { host: 'facebook.com', subjects: issuedByGoogle }).verdicts, ACCEPT)
  })

  t.test('are left alone by a list whose hosts were given, unless words are given too', async t => {
    const { set } = await loadSample(t, 'async_verify.so', 'block=evil.example')
    t.strictSame(park(set, { host: 'a.example', subjects: [google] }).verdicts, ACCEPT)
    const own = await loadSample(t, 'async_verify.so', 'block=evil.example', 'subject_block=Evil CA,O=Bad')
    t.match(park(own.set, { host: 'a.example', subjects: ['/CN=x', '/CN=Evil CA 1'] }).verdicts, POLICY)
    t.match(park(own.set, { host: 'a.example', subjects: ['/O=Bad/CN=x'] }).verdicts, POLICY)
  })
})

test('what the built-in check has refused', async t => {
  const refused = [
    { kind: 'reject', reason: 'X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT', detail: 'self-signed certificate' },
  ]
  const { set } = await loadSample(t, 'async_verify.so', 'delay_ms=0')
  const ask = (host: string, of = set) => park(of, { host, builtIn: SELF_SIGNED, subjects: ['/O=Facebook'] })
  t.strictSame(ask('example.com').verdicts, refused, 'stays refused')
  t.strictSame(ask('facebook.com').verdicts, refused, 'for an allowed host as well')
  t.match(ask('google.com').verdicts, POLICY)
  const delayed = ask('twitter.com')
  await sleep(20)
  t.strictSame(delayed.verdicts, refused, 'and when the delay is over')
  const overruling = await loadSample(t, 'async_verify.so', 'overrule=yes')
  t.strictSame(ask('facebook.com', overruling.set).verdicts, ACCEPT, 'unless the operator wants it overruled')
})

test('arguments it does not understand stop the start', async t => {
  const cases: [string[], RegExp][] = [
    [['blok=a.example'], /unknown argument 'blok=a\.example'; known are block= /],
    [['block'], /unknown argument 'block'/],
    [['Evil CA'], /unknown argument 'Evil CA'/],
    [['constructor=a'], /unknown argument/],
    [['block=a.example', 'block=b.example'], /'block=' is given twice/],
    [['delay_ms=3s'], /delay_ms=3s: a whole number of milliseconds/],
    [['delay_ms=-1'], /delay_ms=-1/],
    [['delay_ms='], /delay_ms=: /],
    [['delay_ms=1e3'], /delay_ms=1e3/],
    [['overrule=maybe'], /overrule=maybe: yes or no/],
    [['allow=https://a.example/'], /allow= has 'https:\/\/a\.example\/'; a host name/],
  ]
  for (const [args, message] of cases) {
    await t.rejects(
      loadSample(t, 'async_verify.so', ...args),
      { code: 'PTC_PLUGIN_INIT_FAILED', message },
      args.join(' '),
    )
  }
})
