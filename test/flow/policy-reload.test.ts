/** Rules that are read again: what changes, and what stays. Traffic Server's tests are named where they are retold. */
import { request } from 'node:https'
import { TLSSocket } from 'node:tls'
import { test } from 'tap'
import { BASE, gate, ORIGINS, signer, stage } from './policy-stage.js'

// tls_verify4
test('a reload changes the policy of new handshakes', async t => {
  const [enforced, permissive] = ['ENFORCED', 'PERMISSIVE'].map(policy => ({
    ...BASE,
    sni: `sni: [{fqdn: '*.com', verify_server_policy: ${policy}}]`,
  }))
  const it = await stage(t, { sni: enforced?.sni ?? '' })
  t.equal((await it.ask('self', 'random2.com')).status, 502)
  t.match(it.proxy.output(), /\(random2\.com\)\. Action=Terminate/)
  await it.reload(permissive ?? {})
  t.equal((await it.ask('self', 'random3.com')).status, 200)
  t.match(it.proxy.output(), /\(random3\.com\)\. Action=Continue/)
  await it.reload(enforced ?? {})
  t.equal((await it.ask('self', 'random4.com')).status, 502)
  t.match(it.proxy.output(), /\(random4\.com\)\. Action=Terminate/)
  t.equal((await it.ask('self', 'random3.com')).status, 502, 'and no connection of before lives on')
})

// tls_sni_yaml_reload
test('a bad file at a reload leaves the old rules in force', async t => {
  const it = await stage(t, { sni: 'sni: [{fqdn: random.com, verify_server_policy: PERMISSIVE}]' })
  await t.rejects(it.reload({ ...BASE, sni: 'sni: [{fqdn: a, verify_server_polcy: X}]' }), {
    code: 'PTC_RULES_INVALID',
    message: /sni\.yaml:1: unknown key/,
  })
  t.equal((await it.ask('self', 'random.com')).status, 200)
})

test('a reload drops the idle connections whose rule has changed, and no others', async t => {
  const it = await stage(t, {
    sni: `sni:
- {fqdn: foo.com, verify_server_policy: ENFORCED}
- {fqdn: bar.com, verify_server_policy: ENFORCED}
`,
  })
  const asks = ['foo', 'bar', 'wild'].map(
    word => [word, word === 'wild' ? 'foo.wild.com' : `${word}.com`] as const,
  )
  const counts = async (): Promise<number[]> => {
    for (const [word, host] of asks) t.equal((await it.ask(word, host)).status, 200)
    return asks.map(([word]) => it.origin(word).connections)
  }
  t.same(await counts(), [1, 1, 1])
  t.same(await counts(), [1, 1, 1], 'idle connections serve again')

  // The rule of foo.com stands on another line, in other words; that of bar.com says something else.
  await it.reload({
    ...BASE,
    sni: `# moved
sni:
- {fqdn: random.com, verify_server_policy: DISABLED}
- fqdn: foo.com
  verify_server_policy: ENFORCED
- {fqdn: bar.com, verify_server_policy: PERMISSIVE}
`,
  })
  const bar = it.origin('bar')
  await bar.until(() => (bar.openConnections === 0 ? true : undefined), 'its end, although nobody asks')
  t.same([it.origin('foo').openConnections, it.origin('wild').openConnections], [1, 1])
  t.same(await counts(), [1, 2, 1])

  await it.reload({ ...BASE, sni: "sni: [{fqdn: '*.wild.com', verify_server_name: foo.com}]" })
  t.same(
    await counts(),
    [1, 3, 2],
    'a rule that came counts, and one that went; one that said what holds anyway does not',
  )
})

/** One request through the ssl port; rejects when there is no answer. */
function askSecurely(
  port: number,
  url: string,
): Promise<{ readonly status: number; readonly shown: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: url,
      agent: false,
      ca: signer.certPem,
      servername: 'proxy.test',
    }
    request(options, response => {
      const { socket, statusCode: status = 0 } = response
      const shown = socket instanceof TLSSocket ? (socket.getPeerX509Certificate()?.subject ?? '') : ''
      response
        .resume()
        .on('end', () => resolve({ status, shown }))
        .on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

const RELOADS = 30
/** Clients that ask without a pause. */
const CONCURRENCY = 4

// tls_reload_under_load: there the certificate that clients see is exchanged; here the one for origins, and the rules, too
for (const [title, idle] of [
  ['every request with a handshake of its own', 0],
  ['requests over connections that are there', 8],
] as const) {
  test(`reloads under load, ${title}`, async t => {
    const shown = await Promise.all(
      ['one', 'two'].map(cn => signer.issue({ cn, sans: ['proxy.test'], eku: ['clientAuth', 'serverAuth'] })),
    )
    const policies = ['ENFORCED', 'PERMISSIVE'] as const
    // Parked for a moment each, so that reloads meet handshakes in every state.
    const { plugins, modules } = gate(t, ({ reenable }) => void setTimeout(reenable, 3))
    const conf = (turn: number) => {
      const { certPem = '', keyPem = '' } = shown[turn % 2] ?? {}
      return {
        ...BASE,
        ...{ plugins, modules },
        files: { 'own.pem': certPem + keyPem, 'ssl_multicert.config': 'ssl_cert_name=own.pem\n' },
        records: {
          'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
          'proxy.config.http.origin_max_idle': idle,
        },
        sni: `sni: [{fqdn: foo.com, client_cert: own.pem, verify_server_policy: ${policies[turn % 2]}}]`,
      }
    }
    const tls = { requestCert: true, ca: signer.certPem, rejectUnauthorized: true }
    const it = await stage(t, { ...conf(0), origins: { foo: ORIGINS.foo, self: ORIGINS.self }, tls })
    const ask = (word: string) => askSecurely(it.proxy.port, `https://foo.com:${it.origin(word).port}/`)
    let isOver = false
    const failures: unknown[] = []
    const certificates = new Set<string>()
    const load = Array.from({ length: CONCURRENCY }, async () => {
      while (!isOver) {
        const { status, shown } = await ask('foo').catch((cause: unknown) => ({ status: cause, shown: '' }))
        certificates.add(shown)
        if (status !== 200) failures.push(status)
      }
    })
    for (let turn = 1; turn <= RELOADS; turn++) {
      await it.reload(conf(turn))
      const answered = it.origin('foo').requests.length
      await it
        .origin('foo')
        .until(() => (it.origin('foo').requests.length > answered ? true : undefined), 'load')
    }
    isOver = true
    await Promise.all(load)
    t.same(failures, [], 'FAILURES=0')
    t.equal(it.proxy.output().split('configuration reloaded').length - 1, RELOADS)
    t.same([...certificates].sort(), ['CN=one', 'CN=two'], 'CERT_CHANGED=1')
    t.same(new Set(it.origin('foo').handshakes.map(({ clientCn }) => clientCn)), new Set(['one', 'two']))
    t.ok(it.origin('foo').requests.length >= RELOADS, `there was load: ${it.origin('foo').requests.length}`)

    await it.reload(conf(1))
    t.equal((await ask('self')).status, 200, 'the last rules are in force')
    await it.reload(conf(2))
    t.equal((await ask('self')).status, 502)
  })
}
