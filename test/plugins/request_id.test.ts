import { test } from 'tap'
import { openSamples } from './kit.js'

test('request_id', async t => {
  const kit = await openSamples(t, 'request_id.so')
  const url = 'https://a.example/'

  t.test('gives a request its id, for the origin, for the client and for the log', async t => {
    const transaction = kit.transaction({ url })
    const request = await transaction.readRequest({ Accept: '*/*' })
    const id = request.headers.get('X-Request-Id')
    t.match(id, /^[0-9a-f-]{36}$/)
    t.match(request.outcome, { kind: 'accepted', by: 'plugins' })
    t.equal(transaction.args.request_id, id)
    const response = await transaction.sendResponse(502, { 'x-request-id': 'from the origin' })
    t.strictSame(response.headers.getAll('X-Request-Id'), [id])
    await transaction.close(502)
    t.equal(kit.log.at(-1), `DEBUG request_id ${id} GET ${url} 502`)
  })

  t.test('keeps the id that a client sends, if it is one', async t => {
    for (const [sent, isKept] of [
      ['abc-123', true],
      ['a b', false],
      ['x'.repeat(65), false],
    ] as const) {
      const request = await kit.transaction({ url }).readRequest({ 'X-Request-ID': sent })
      t.equal(request.headers.get('X-Request-Id') === sent, isKept, sent)
    }
  })

  t.test('writes nothing about a transaction that it has not seen begin', async t => {
    const before = kit.log.length
    const transaction = kit.transaction({ url })
    const response = await transaction.sendResponse(200)
    t.equal(response.headers.get('X-Request-Id'), undefined)
    await transaction.close()
    t.equal(kit.log.length, before)
  })

  t.test('takes the name of another field', async t => {
    const other = await openSamples(t, 'request_id.so field=X-Trace')
    const request = await other.transaction({ url }).readRequest()
    t.ok(request.headers.get('X-Trace'))
    await t.rejects(openSamples(t, 'request_id.so field=a:b'), { code: 'PTC_PLUGIN_CONFIG_INVALID' })
  })
})
