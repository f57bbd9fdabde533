import { test } from 'tap'
import {
  type Asked,
  bearer,
  host,
  issuer,
  leaf,
  type Origin,
  one,
  opened,
  PLACEHOLDER,
  SECRET,
  URL,
} from './secrets-kit.js'

test('the origin gets the secret in the place of the placeholder, and no plugin sees it', async t => {
  const { ask, kit } = await opened(t, one())
  const { sent } = await ask({ fields: { ...bearer, 'Accept-Encoding': 'gzip, br', Range: 'bytes=0-3' } })
  t.equal(sent?.sealed?.headers.get('authorization'), `Bearer ${SECRET}`)
  t.equal(sent?.headers.get('authorization'), bearer.Authorization)
  t.equal(sent?.sealed?.headers.get('accept-encoding'), 'identity')
  t.equal(sent?.sealed?.headers.get('range'), undefined)
  t.equal(
    (await ask({ fields: { 'X-Api-Key': PLACEHOLDER } })).sent?.sealed?.headers.get('x-api-key'),
    SECRET,
  )
  t.notMatch(kit.log.join('\n'), /sk-live/)

  const query = await opened(t, one(', in: query'))
  const found = await query.ask({ url: `${URL}/a%2fb?x=1&key=${PLACEHOLDER}&y=2` })
  t.equal(found.sent?.sealed?.path, `/v1/things/a%2fb?x=1&key=${encodeURIComponent(SECRET)}&y=2`)

  const basic = await opened(t, one(', in: basic'))
  const of = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  const withBasic = await basic.ask({ fields: of(`me:${PLACEHOLDER}`) })
  t.strictSame(withBasic.sent?.sealed?.headers.get('authorization'), of(`me:${SECRET}`).Authorization)
  const bare = await basic.ask({ fields: { Authorization: `Basic ${PLACEHOLDER}` } })
  t.strictSame(bare.sent?.sealed?.headers.get('authorization'), of(SECRET).Authorization)
})

test('a placeholder anywhere else is refused, with a log line that names the secret', async t => {
  const { ask, kit } = await opened(t, one())
  const P = PLACEHOLDER
  const twice = encodeURIComponent(`%${P.charCodeAt(0).toString(16)}`) + P.slice(1)
  const basic = `Basic ${Buffer.from(`a:${P}`).toString('base64')}`
  for (const [asked, why] of [
    [{ url: `https://evil.example/`, fields: bearer }, /it is not for evil\.example/],
    [{ url: `http://${host}/`, fields: bearer }, /the request is not encrypted/],
    [{ url: `${URL}/${P}` }, /it stands in the URL/],
    [{ url: `${URL}/${twice}` }, /it stands in the URL/],
    [{ url: `https://${P.toLowerCase()}.evil.example/` }, /it stands in the URL/],
    [{ url: `${URL}?q=${P}` }, /it stands in the query/],
    [{ url: `${URL}?q=${P.replace('P', '%50')}` }, /it stands in the query/],
    [{ fields: { Referer: P } }, /it stands in the field Referer/],
    [{ fields: { Cookie: `a=${P}` } }, /it stands in the field Cookie/],
    [{ fields: { [`X-${P}`]: 'a' } }, /it stands in the field name/],
    [{ fields: { Authorization: basic } }, /it stands in the field Authorization/],
    [{ fields: { Authorization: `Bearer ${P.toLowerCase()}` } }, /it stands in the field Authorization/],
    [{ url: `${host}:443`, method: 'CONNECT', fields: bearer }, /it stands in a CONNECT/],
  ] as const) {
    const found = await ask(asked as Asked)
    t.match(found.why, why)
    t.match(found.why, /the placeholder of github/)
    t.equal(found.sent, undefined, 'before an origin is asked for')
    t.match(
      kit.log.at(-1),
      /^NOTE \[secrets\] 192\.0\.2\.\d+:\d+ sends the placeholder of github to \S+: refused, /,
    )
  }
  t.notMatch(kit.log.join('\n'), /sk-live/)
  t.equal(
    (await ask({ url: 'https://evil.example/', fields: { Authorization: 'Bearer own' } })).why,
    undefined,
  )
})

test('the fields that may carry a placeholder can be named', async t => {
  const { ask } = await opened(t, one(', field: [X-Odd, Cookie]'))
  t.equal(
    (await ask({ fields: { Cookie: `s=${PLACEHOLDER}` } })).sent?.sealed?.headers.get('cookie'),
    `s=${SECRET}`,
  )
  t.match((await ask({ fields: bearer })).why, /stands in the field Authorization/)
})

test('a secret goes to an origin that was accepted for its host, or shows its key', async t => {
  const built = await opened(t, one())
  for (const builtIn of ['X509_V_ERR_CERT_HAS_EXPIRED', 'X509_V_ERR_HOSTNAME_MISMATCH'] as const)
    t.match(
      (await built.ask({ fields: bearer, origin: { builtIn } })).why,
      /has not passed the built-in check/,
    )

  const byLeaf = await opened(t, one(`, spki: "${leaf}"`))
  const byIssuer = await opened(t, one(`, spki: ["${'A'.repeat(43)}=", "${issuer}"]`))
  const byOther = await opened(t, one(`, spki: "${'A'.repeat(43)}="`))
  const ask = async (stage: typeof built, origin: Origin) => (await stage.ask({ fields: bearer, origin })).why
  t.equal(await ask(byLeaf, {}), undefined)
  t.equal(await ask(byIssuer, {}), undefined)
  t.match(await ask(byOther, {}), /shows none of its keys/)
  t.equal(await ask(byLeaf, { builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' }), undefined, 'the key was proved')
  t.match(
    await ask(byIssuer, { builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' }),
    /none of its keys/,
    'without signatures',
  )
  t.match(
    await ask(byIssuer, { builtIn: 'X509_V_ERR_HOSTNAME_MISMATCH' }),
    /none of its keys/,
    'another name',
  )
})

test('answers are cleaned, also those to requests without a placeholder', async t => {
  const { ask, kit } = await opened(t, one())
  const { sent, txn } = await ask({})
  const encoded = Buffer.from(`me:${SECRET}`).toString('base64')
  const answer = sent?.sealed?.respond({
    reason: SECRET,
    fields: {
      Location: `https://evil.example/?k=${encodeURIComponent(SECRET)}`,
      [`x-${'sk-live-4f9aK2mQ'}`]: '1',
    },
    body: [
      `{"auth":"Basic ${encoded.slice(0, 9)}`,
      `${encoded.slice(9)}","key":"sk-li`,
      `${SECRET.slice(5)}"}`,
    ],
    trailers: { 'X-Key': SECRET },
  })
  const all = JSON.stringify([
    answer?.reason,
    answer?.headers.entries(),
    answer?.body.toString(),
    answer?.trailers.entries(),
  ])
  t.notMatch(all, /sk-live-4f9aK2mQ\/|tB|c2st/)
  t.match(answer?.body.toString(), /^\{"auth":"Basic bWU6\*+","key":"\*{24}"\}$/)
  t.equal(answer?.trailers.get('x-key'), '*'.repeat(SECRET.length))
  t.equal((await txn.readResponse(200)).outcome?.kind, 'accepted')
  for (const [status, fields] of [
    [206, {}],
    [200, { 'Content-Encoding': 'gzip' }],
    [200, { 'Content-Encoding': 'identity, br' }],
  ] as const)
    t.match((await txn.readResponse(status, fields)).outcome?.detail, /cannot be cleaned of secrets/)
  const other = await ask({ url: 'https://other.example/', fields: { 'Accept-Encoding': 'gzip' } })
  t.equal(other.sent?.sealed?.headers.get('accept-encoding'), 'gzip', 'other hosts are left alone')
  t.equal((await other.txn.readResponse(200, { 'Content-Encoding': 'gzip' })).outcome?.kind, 'accepted')
  t.notMatch(kit.log.join('\n'), /sk-live/)
})

test('a placeholder in a body is refused where the file says so', async t => {
  const { ask } = await opened(t, one(', body: reject'))
  const { sent } = await ask({ url: 'https://other.example/', method: 'POST' })
  sent?.sealed?.sendBody(`a ${PLACEHOLDER.slice(0, 7)}`)
  t.throws(
    () => sent?.sealed?.sendBody(`${PLACEHOLDER.slice(7)} b`),
    /the placeholder of github: it stands in the body/,
  )
  const lenient = await opened(t, one())
  const passed = await lenient.ask({ method: 'POST' })
  t.doesNotThrow(() => passed.sent?.sealed?.sendBody(PLACEHOLDER))
})

test('a connection that would switch protocols gets no secret', async t => {
  const { ask } = await opened(t, one())
  t.match((await ask({ fields: { ...bearer, Upgrade: 'websocket' } })).why, /another protocol/)
})
