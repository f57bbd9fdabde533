/** Requests and responses that plugins refuse, hold without end, or fail at. */
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { get, getOn, rawClient } from '../kit/client.js'
import { bothOrigins, gateStage, HOST } from '../kit/start-gate.js'

const READ_REQUEST = 'TS_HTTP_READ_REQUEST_HDR_HOOK'
const SEND_REQUEST = 'TS_HTTP_SEND_REQUEST_HDR_HOOK'
const READ_RESPONSE = 'TS_HTTP_READ_RESPONSE_HDR_HOOK'
const SEND_RESPONSE = 'TS_HTTP_SEND_RESPONSE_HDR_HOOK'
const TXN_CLOSE = 'TS_HTTP_TXN_CLOSE_HOOK'
const _HOOKS = [READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE] as const

const nothing = (): void => {}
const yes = ({ reenable }: { readonly reenable: () => unknown }): unknown => reenable()
const later = (fn: () => unknown): unknown => setTimeout(fn, 20)
const _slowly = ({ reenable }: { readonly reenable: () => unknown }): unknown => later(reenable)

const REFUSALS: readonly [string, number, RegExp, number][] = [
  [READ_REQUEST, 403, /PTC_PLUGIN_REFUSED_REQUEST/, 0],
  [SEND_REQUEST, 403, /PTC_PLUGIN_REFUSED_REQUEST/, 0],
  [READ_RESPONSE, 502, /PTC_PLUGIN_REFUSED_RESPONSE/, 1],
  [SEND_RESPONSE, 502, /PTC_PLUGIN_REFUSED_RESPONSE/, 1],
]

for (const [hook, status, code, requests] of REFUSALS) {
  test(`refused at ${hook}`, async t => {
    const { plain } = await bothOrigins(t)
    const no = reject('policy', 'not this one')
    const cases: readonly [
      (event: {
        reenable: (v?: typeof no) => unknown
        schedule: (f: () => unknown, ms: number) => void
      }) => unknown,
      number,
      RegExp,
    ][] = [
      [({ reenable }) => reenable(no), status, code],
      [({ reenable }) => later(() => reenable(no)), status, code],
      [({ schedule }) => schedule(() => Promise.reject(new Error('oops')), 1), 500, /PTC_PLUGIN_FAILED/],
      [nothing, 504, /PTC_PLUGIN_TIMEOUT/],
    ]
    for (const [answer, expected, page] of cases) {
      const { gate, port, proxy } = await gateStage(
        t,
        { [hook]: answer, [TXN_CLOSE]: nothing, TS_VCONN_OUTBOUND_CLOSE_HOOK: nothing },
        { options: '@deadline=100' },
      )
      const before = plain.requests.length
      const client = await rawClient(port)
      const url = `http://${HOST}:${plain.port}/`
      for (let i = 0; i < 2; i++) {
        const response = await getOn(client, url)
        t.equal(response.status, expected, `${i === 0 ? 'first' : 'second'} on one connection`)
        t.match(response.body.toString(), page)
        t.match(response.body.toString(), /Plugin: gate/)
        t.match(await gate.next(TXN_CLOSE, i), { status: expected })
      }
      client.stop()
      if (expected === 504)
        await proxy.until(
          /WARNING: plugin gate did not answer about GET http:\S+ in time \(@deadline of its line in plugin\.config\)\n/,
        )
      t.equal(plain.requests.length - before, 2 * requests, 'what the origin saw')
      if (hook === SEND_REQUEST)
        t.equal(gate.of('TS_VCONN_OUTBOUND_CLOSE_HOOK').length, 0, 'its connection is kept')
      t.equal(
        gate.called.filter(called => called === hook).length,
        2,
        'nobody is asked about the refusal of it',
      )
      await proxy.stop()
    }
  })
}

test('plugins are asked about error pages, too', async t => {
  const { gate, port } = await gateStage(t, {
    [READ_RESPONSE]: yes,
    [SEND_RESPONSE]: ({ headers, reenable }) => {
      headers.set('X-Page', 'yes')
      reenable()
    },
  })
  const response = await get(port, `http://${HOST}:1/`)
  t.equal(response.status, 502)
  t.equal(response.header('x-page'), 'yes')
  t.equal(response.header('content-length'), `${response.body.length}`)
  t.match(gate.of(SEND_RESPONSE)[0], { status: 502, origin: undefined })
  t.same(gate.called, [SEND_RESPONSE])
})
