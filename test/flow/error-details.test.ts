/** How much of a rejection clients are told: in CONNECT, in absolute form, inside a bump, and over HTTP/2. */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import type { ErrorDetails } from '../../core/http/pages/told.js'
import { startBumping } from '../kit/bumping.js'
import { get, rawClient } from '../kit/client.js'
import { httpsOrigin, startConnecting } from '../kit/connecting.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { answerOn, Http2Client, tlsSocket } from '../kit/http2-client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { root, secureProxy } from '../kit/secure-proxy.js'

const HOST = 'origin.example'
const RECORD = 'proxy.config.http.errors.details'
const PROBLEM = 'application/problem+json'
const WHY = 'seen on list seven'
const DETAILS = ['full', 'code', 'none'] as const

/** What a client may read of a rejection by the plugin `gate`, in head and body. */
const EXPECTED = {
  full: [/gate/, /seen on list seven/, /X509_V_ERR_CERT_REVOKED/, /PTC_VERIFY_REJECTED/],
  code: [/Proxy-Status: portcullis; error=tls_certificate_error; details="PTC_VERIFY_REJECTED"\n/i],
  none: [/Proxy-Status: portcullis; error=tls_certificate_error\n/i, /"type":"about:blank"/],
} as const satisfies Record<ErrorDetails, readonly RegExp[]>
const HIDDEN = {
  full: [],
  code: [/gate/, /list seven/, /X509/, /by=/],
  none: [/gate/, /list seven/, /X509/, /by=/, /PTC_/],
} as const satisfies Record<ErrorDetails, readonly RegExp[]>

/** A head in which each field ends with LF, and the body. */
const textOf = (fields: readonly (readonly unknown[])[], body: Buffer): string =>
  `${fields.map(([name, value]) => `${name}: ${value}\n`).join('')}\n${body}`

for (const details of DETAILS) {
  const isTold = (t: Test, text: string): void => {
    for (const pattern of EXPECTED[details]) t.match(text, pattern)
    for (const pattern of HIDDEN[details]) t.notMatch(text, pattern)
    t.match(text, /content-type: application\/problem\+json/i)
  }
  const records = { [RECORD]: details } as const
  const answer = (event: { reenable(verdict: ReturnType<typeof reject>): unknown }): void =>
    void event.reenable(reject('revoked', WHY))

  test(`a CONNECT and a request in absolute form with details ${details}`, async t => {
    const origin = await httpsOrigin(t, HOST)
    const { proxy } = await startConnecting(t, { hosts: [HOST], records, answer })
    const absolute = await get(proxy.port, `https://${HOST}:${origin.port}/`, [`Accept: ${PROBLEM}`])
    t.equal(absolute.status, 502)
    isTold(t, textOf(absolute.rawHeaders, absolute.body))

    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    const target = `${HOST}:${origin.port}`
    client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nAccept: ${PROBLEM}\r\n\r\n`)
    const refused = await client.response('GET')
    t.equal(refused.status, 502)
    isTold(t, textOf(refused.rawHeaders, refused.body))
    await proxy.until(/seen on list seven/)
  })

  test(`a request inside a bump with details ${details}`, async t => {
    let isAccepted = true
    const { browse } = await startBumping(t, {
      hosts: [HOST],
      records,
      answer: event => (isAccepted ? void event.reenable() : answer(event)),
    })
    const before = await httpsOrigin(t, HOST)
    t.match((await browse(`https://${HOST}:${before.port}/`)).stdout, /hello from/, 'a leaf is minted')
    isAccepted = false
    const origin = await httpsOrigin(t, HOST)
    const { stdout } = await browse('-H', `Accept: ${PROBLEM}`, `https://${HOST}:${origin.port}/`)
    const [, inside = ''] = /^HTTP\/1\.1 200 [\s\S]*?\r\n\r\n([\s\S]*)$/.exec(stdout) ?? []
    t.match(inside, /^HTTP\/1\.1 502 /)
    isTold(t, inside.replaceAll('\r\n', '\n'))
  })

  test(`a request of HTTP/2 with details ${details}`, async t => {
    const gate = new Gate(answer)
    t.teardown(() => gate.stop())
    const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST, sans: [HOST] }) })
    t.teardown(origin.stop)
    const { port } = await secureProxy(t, [], {
      ca: root.certPem,
      plugins: [gate.line],
      modules: GATE_MODULE,
      records: { 'proxy.config.http2.enabled': 1, 'proxy.config.http.connect_ports': '*', ...records },
    })
    const client = new Http2Client(await tlsSocket(port, { ca: root.certPem, servername: 'proxy.example' }))
    t.teardown(client.stop)
    const authority = `${HOST}:${origin.port}`
    const head = { ':authority': authority, accept: PROBLEM }
    const asked = await client.ask({ ...head, ':scheme': 'https', ':path': '/' })
    const tunnel = client.session.request({ ...head, ':method': 'CONNECT' }, { endStream: false })
    for (const { status, headers, body } of [asked, await answerOn(tunnel)]) {
      t.equal(status, 502)
      isTold(t, textOf(Object.entries(headers), body))
    }
  })
}

test('without details a tolerated certificate is no news for clients', async t => {
  const origin = await httpsOrigin(t, 'other.example')
  for (const details of DETAILS) {
    const { proxy } = await startConnecting(t, {
      hosts: [HOST],
      records: { [RECORD]: details, 'proxy.config.ssl.client.verify.server.policy': 'PERMISSIVE' },
    })
    const { status, header } = await get(proxy.port, `https://${HOST}:${origin.port}/`)
    t.equal(status, 200)
    if (details === 'full') t.match(header('proxy-status'), /accepted although by=built-in/)
    else t.equal(header('proxy-status'), undefined)
  }
})
