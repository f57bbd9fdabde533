import { test } from 'tap'
import { HookRegistry } from '../../core/hooks/registry.js'
import { PluginInstance } from '../../core/plugin-host/context.js'
import type { Kit, Origin, Outcome } from '../../core/testing/kit.js'
import init from '../../sample-plugins/async_verify.js'
import { makeHost, pluginLine } from '../core/plugin-host/kit.js'
import { ACCEPTED, openSamples, rejected, subjects } from './kit.js'

const POLICY = rejected('async_verify', 'policy')
const SELF_SIGNED = 'X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT'

/** What becomes of an origin at once; undefined while it is parked. */
const ask = async (kit: Kit, host: string, more: Partial<Origin> = {}): Promise<Outcome | undefined> =>
  (await kit.park({ host, ...more })).outcome

test('async_verify.so alone does what the proof of concept did', async t => {
  const kit = await openSamples(t, 'async_verify.so')
  const { log } = kit

  t.test('rejects Google at once', async t => {
    const chain = subjects('/C=US/O=Google LLC/CN=www.google.com', '/CN=An Issuer')
    const before = log.length
    t.match(await ask(kit, 'www.google.com', { chain }), { ...POLICY, alert: 'bad_certificate' })
    const [first, ...rest] = log.slice(before)
    t.match(first, /^DEBUG async_verify Verification callback called, event=TS_SSL_CERT_VERIFY_HOOK, vc=\d+$/)
    t.strictSame(rest, [
      'DEBUG async_verify Server certificate[0]: /C=US/O=Google LLC/CN=www.google.com',
      'DEBUG async_verify Server certificate[1]: /CN=An Issuer',
      'DEBUG async_verify GOOGLE! We reject the certificate.',
    ])
  })

  t.test('accepts Facebook at once', async t => {
    t.strictSame(await ask(kit, 'facebook.com'), ACCEPTED)
    t.equal(log.at(-1), 'DEBUG async_verify FACEBOOK! We accept the certificate.')
  })

  t.test('accepts Twitter when three seconds are over, and not before', async t => {
    const handshake = await kit.park({ host: 'twitter.com' })
    t.equal(log.at(-1), 'DEBUG async_verify TWITTER! Scheduling deferred ACCEPT.')
    await kit.advance(2999)
    t.equal(handshake.outcome, undefined, 'parked')
    await kit.advance(1)
    t.strictSame(handshake.outcome, ACCEPTED)
    t.match(log.at(-1), /Scheduled callback called for vc=\d+, resuming SSL handshake\.$/)
  })

  t.test('calls nothing for a handshake that was left', async t => {
    const handshake = await kit.park({ host: 'twitter.com' })
    const before = log.length
    handshake.leave()
    await kit.advance(10_000)
    t.strictSame(handshake.outcome, { kind: 'left' })
    t.equal(log.length, before)
  })

  t.test('accepts every other host', async t => {
    t.strictSame(await ask(kit, 'example.com'), ACCEPTED)
  })

  t.test('sees requests that are about to be sent', async t => {
    const { outcome, vconn } = await kit.transaction({ url: 'https://a/' }).sendRequest()
    t.match(outcome, { kind: 'accepted', by: 'plugins' })
    const request = `vc=${vconn.id} GET https://a/`
    t.equal(log.at(-1), `DEBUG async_verify TS_EVENT_HTTP_SEND_REQUEST_HDR event received, ${request}`)
  })
})

test('a host is matched at the boundary of a label, whatever its capitals', async t => {
  const kit = await openSamples(
    t,
    'async_verify.so block=google.com,*.Evil.Example,127.0.0.1 allow= delay= delay_ms=1000',
  )
  const isBlocked = async (host: string, more?: Partial<Origin>): Promise<boolean> =>
    (await ask(kit, host, more))?.kind === 'rejected'
  const blocked = [
    'google.com',
    'www.google.com',
    'WWW.GOOGLE.COM.',
    'evil.example',
    'a.b.evil.example',
    '127.0.0.1',
  ]
  for (const host of blocked) t.equal(await isBlocked(host), true, host)
  for (const host of ['notgoogle.com', 'google.com.example', 'google.co', 'example', '10.127.0.0.1x'])
    t.equal(await isBlocked(host), false, host)
  t.equal(await isBlocked('192.0.2.1', { sni: 'www.google.com' }), true, 'by the SNI')
  t.equal(
    await isBlocked('www.google.com', { sni: 'cdn.example' }),
    true,
    'or by the name it is checked against',
  )
})

test('async_verify compares whole attributes of subjects', async t => {
  const google = '/O=Google LLC/CN=x'
  const facebook = '/O=Facebook/CN=x'
  const issuedByGoogle = subjects('/CN=x', '/C=US/O=Google Trust Services/CN=WE1')
  const shows = async (kit: Kit, host: string, ...all: string[]): Promise<Outcome | undefined> =>
    await ask(kit, host, { chain: subjects(...all) })

  t.test('words are searched in the subject of every certificate, with their capitals', async t => {
    const kit = await openSamples(t, 'async_verify.so')
    t.match(await shows(kit, 'a.example', google), POLICY)
    t.match(await ask(kit, 'a.example', { chain: issuedByGoogle }), POLICY)
    t.strictSame(await shows(kit, 'a.example', '/CN=google'), ACCEPTED)
    t.equal(await shows(kit, 'a.example', '/CN=x', '/O=Twitter'), undefined, 'parked')
  })

  t.test('words of subjects never turn a block into an allow', async t => {
    const kit = await openSamples(t, 'async_verify.so')
    t.match(await shows(kit, 'google.com', facebook), POLICY)
    t.match(await shows(kit, 'facebook.com', google), POLICY)
    t.match(await shows(kit, 'twitter.com', google), POLICY)
    t.match(await shows(kit, 'a.example', facebook, '/O=Google'), POLICY)
    t.match(await shows(kit, 'a.example', facebook, google), POLICY)
    t.equal(await shows(kit, 'a.example', facebook, '/O=Twitter'), undefined, 'delay beats allow')
  })

  t.test('words of issuers do not count for a host that is in a list', async t => {
    const kit = await openSamples(t, 'async_verify.so')
    t.strictSame(await ask(kit, 'facebook.com', { chain: issuedByGoogle }), ACCEPTED)
  })

  t.test('a list whose hosts were given searches no words, unless words are given too', async t => {
    const kit = await openSamples(t, 'async_verify.so block=evil.example')
    t.strictSame(await shows(kit, 'a.example', google), ACCEPTED)
    const own = await openSamples(t, 'async_verify.so block=evil.example "subject_block=Evil CA,O=Bad"')
    t.match(await shows(own, 'a.example', '/CN=x', '/CN=Evil CA 1'), POLICY)
    t.match(await shows(own, 'a.example', '/O=Bad/CN=x'), POLICY)
  })
})

test('what the built-in check has refused', async t => {
  const refused = rejected('async_verify', SELF_SIGNED, 'self-signed certificate')
  const failed = { builtIn: SELF_SIGNED, chain: subjects('/O=Facebook') } as const
  const kit = await openSamples(t, 'async_verify.so')
  t.match(await ask(kit, 'example.com', failed), refused, 'stays refused')
  t.match(await ask(kit, 'facebook.com', failed), refused, 'for an allowed host as well')
  t.match(await ask(kit, 'google.com', failed), POLICY)
  const delayed = await kit.park({ host: 'twitter.com', ...failed })
  await kit.advance(3000)
  t.match(delayed.outcome, refused, 'and when the delay is over')
  const overruling = await openSamples(t, 'async_verify.so overrule=yes')
  const outcome = await ask(overruling, 'facebook.com', failed)
  t.strictSame(outcome, ACCEPTED, 'unless the operator wants it overruled')
})

test('arguments it does not understand stop the start', async t => {
  const cases: [string, RegExp][] = [
    ['blok=a.example', /unknown argument 'blok=a\.example'; known are block= /],
    ['block', /unknown argument 'block'/],
    ['"Evil CA"', /unknown argument 'Evil CA'/],
    ['constructor=a', /unknown argument/],
    ['block=a.example block=b.example', /'block=' is given twice/],
    ['delay_ms=3s', /delay_ms=3s: a whole number of milliseconds/],
    ['delay_ms=-1', /delay_ms=-1/],
    ['delay_ms=', /delay_ms=: /],
    ['delay_ms=1e3', /delay_ms=1e3/],
    ['overrule=maybe', /overrule=maybe: yes or no/],
    ['allow=https://a.example/', /allow= has 'https:\/\/a\.example\/'; a host name/],
  ]
  for (const [args, message] of cases) {
    const opening = openSamples(t, `async_verify.so ${args}`)
    await t.rejects(opening, { code: 'PTC_PLUGIN_INIT_FAILED', message }, args)
  }
})

test('a request is held for its debug line alone, and only while that is written', async t => {
  for (const isOn of [false, true]) {
    const { dir, env } = makeHost()
    t.teardown(dir.remove)
    const registry = new HookRegistry()
    const diags = { ...env.diags, isOn: () => isOn }
    const { context } = new PluginInstance(pluginLine('async_verify.so', 1), registry, { ...env, diags })
    await init(context)
    t.equal(registry.on('TS_SSL_CERT_VERIFY_HOOK').length, 1)
    t.equal(registry.on('TS_HTTP_SEND_REQUEST_HDR_HOOK').length, isOn ? 1 : 0)
  }
})
