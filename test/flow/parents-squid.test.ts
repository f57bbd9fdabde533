/** Squid as the parent proxy: a program that others wrote. */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { startBumping } from '../kit/bumping.js'
import { get } from '../kit/client.js'
import { httpsOrigin } from '../kit/connecting.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type SquidOptions, type SquidParent, squidParent } from '../kit/squid-parent.js'

const HOST = 'www.origin.test'
const LOGIN = { user: 'ann', password: 'secret' }

async function squid(t: Test, options: SquidOptions = {}): Promise<SquidParent> {
  const made = await squidParent({ hosts: [HOST], ...options })
  t.teardown(made.stop)
  return made
}

const files = ({ port }: SquidParent, more = '') => ({
  'parent.config': `dest_domain=. parent="127.0.0.1:${port}" go_direct=false ${more}\n`,
  login: `basic ${LOGIN.user}:${LOGIN.password}\n`,
  wrong: 'basic ann:wrong\n',
})

test('curl through Portcullis and Squid, in each mode', async t => {
  const parent = await squid(t)
  const origin = await httpsOrigin(t, HOST)
  const plain = await nodeOrigin({})
  t.teardown(plain.stop)
  for (const mode of ['probe', 'bump', 'tunnel'] as const) {
    const { curl, proxy, gate } = await startBumping(t, {
      hosts: [],
      files: files(parent),
      records: { 'proxy.config.http.connect.verify': mode },
    })
    for (const tls of ['1.2', '1.3']) {
      const { code, stdout, stderr } = await curl('-k', '--tls-max', tls, `https://${HOST}:${origin.port}/`)
      t.equal(code, 0, `${mode} ${tls}: ${stderr}${proxy.output()}`)
      t.match(stdout, new RegExp(`hello from ${HOST}`))
    }
    t.equal(gate.asked.length, mode === 'tunnel' ? 0 : 1, mode)
    const big = await curl(
      `http://${HOST}:${plain.port}/bytes/3000000`,
      '-o',
      '/dev/null',
      '-w',
      '%{size_download}',
    )
    t.match(big.stdout, /3000000$/, mode)
    const sent = await curl('--data', 'x'.repeat(100_000), `http://${HOST}:${plain.port}/echo`)
    t.match(sent.stdout, /x{100000}$/, mode)
    await proxy.stop()
  }
  t.match(parent.log(), new RegExp(`TCP_TUNNEL/200 .* CONNECT ${HOST}:${origin.port} - HIER_DIRECT`))
  t.match(parent.log(), new RegExp(`GET http://${HOST}:${plain.port}/bytes/3000000 - HIER_DIRECT`))
})

test('a rejection reaches the origin through Squid', async t => {
  const parent = await squid(t)
  const origin = await httpsOrigin(t, HOST)
  const { curl } = await startBumping(t, {
    hosts: [],
    files: files(parent),
    records: { 'proxy.config.http.connect.verify': 'probe' },
    answer: event => void event.reenable(reject('revoked')),
  })
  const { code, stdout } = await curl('-k', `https://${HOST}:${origin.port}/`)
  t.equal(code, 56)
  t.match(stdout, /^HTTP\/1\.1 502 /)
  await origin.until(() => origin.failures[0], 'the alert')
  t.match(origin.failures[0], /CERTIFICATE_REVOKED/)
  t.same(origin.requests, [])
})

test('what Squid wants and refuses', async t => {
  const parent = await squid(t, { login: LOGIN })
  const origin = await httpsOrigin(t, HOST)
  const plain = await nodeOrigin({})
  t.teardown(plain.stop)
  const urls = [`https://${HOST}:${origin.port}/`, `http://${HOST}:${plain.port}/`]
  const outcomes = async (more: string) => {
    const { proxy } = await startBumping(t, { hosts: [], files: files(parent, more) })
    const answers = []
    for (const url of urls) answers.push(await get(proxy.port, url))
    return answers
  }
  for (const { status } of await outcomes('credentials=login')) t.equal(status, 200)
  for (const [more, why] of [
    ['', /demands credentials, and none are configured for it/],
    ['credentials=wrong', /does not accept the credentials that are configured for it/],
  ] as const)
    for (const { status, body } of await outcomes(more)) {
      t.equal(status, 502)
      t.match(body.toString(), why)
    }
  const { proxy } = await startBumping(t, { hosts: [], files: files(parent, 'credentials=login') })
  const refused = await get(proxy.port, `https://${HOST}:1/`)
  t.equal(refused.status, 502)
  t.match(refused.body.toString(), /answered 503 Service Unavailable for/)
})
