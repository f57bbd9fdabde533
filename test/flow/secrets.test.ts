/** The day of an agent that holds placeholders: approval.js and secrets.js in bump mode, a real origin, and curl. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import type { Approval } from '../../core/api/managed.js'
import { sendTo } from '../../core/cli/ctl-client.js'
import { certificatesOf } from '../../core/testing/kit.js'
import { spkiOf } from '../../plugins/certificates/fingerprints.js'
import { BUMP, bumpFiles } from '../kit/bumping.js'
import { curl } from '../kit/curl.js'
import { http2Origin } from '../kit/http2-origin.js'
import { callCtl, HOST, issued, managedHere } from '../kit/managed.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'

const SECRET = 'sk-live-4f9aK2mQ/x+R7&tB'
const PLACEHOLDER = 'PLACEHOLDER_agent_7d1f'
const KEY = certificatesOf(issued.certPem).map(spkiOf)[0]

/** Sends back what it was asked, in pieces, or compressed. */
async function echoOrigin(t: Test) {
  const origin = await nodeOrigin({
    tls: issued,
    handler: async (request, response) => {
      const { authorization = '' } = request.headers
      if (request.url === '/gzip') {
        response.setHeader('Content-Encoding', 'gzip')
        return void response.end(gzipSync(authorization))
      }
      response.writeHead(200, `got ${authorization}`, {
        Location: `/next?key=${encodeURIComponent(authorization)}`,
      })
      const text = JSON.stringify({
        authorization,
        encoded: Buffer.from(`me:${authorization}`).toString('base64'),
      })
      for (const piece of text.match(/.{1,7}/gs) ?? []) {
        response.write(piece)
        await sleep(1)
      }
      return void response.end()
    },
  })
  t.teardown(origin.stop)
  return origin
}

async function agent(t: Test, plugins: readonly string[], more = '') {
  const origin = await echoOrigin(t)
  const yaml = `secrets: [{name: agent, placeholder: ${PLACEHOLDER}, file: key, host: ${HOST}${more}}]`
  const { proxy, socket } = await managedHere(t, plugins, callCtl, {
    hosts: [HOST, 'other.test'],
    files: { ...(await bumpFiles()), 'secrets.yaml': yaml, key: `${SECRET}\n` },
    records: {
      ...BUMP,
      'proxy.config.http.connect_ports': '*',
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': 'logs',
      'proxy.config.log.format': 'json',
      'proxy.config.diags.debug.enabled': 1,
      'proxy.config.diags.debug.tags': '.*',
    },
  })
  const url = `https://${HOST}:${origin.port}`
  const ask = (path = '/') => send(path, '-H', `Authorization: Bearer ${PLACEHOLDER}`)
  const send = (path: string, ...args: string[]) =>
    curl([
      ...[
        '-s',
        '-i',
        '-x',
        `http://127.0.0.1:${proxy.port}`,
        '--cacert',
        join(proxy.conf.path, 'bump-ca.pem'),
      ],
      ...['-H', 'Accept: text/plain', ...args],
      path.startsWith('/') ? url + path : path,
    ])
  const approvals = async () =>
    (await sendTo(socket)<{ approvals: readonly Approval[] }>('GET', '/v1/approvals')).approvals
  const ctl = (...words: string[]) => callCtl(proxy.conf.path, ...words)
  /** Everything that the proxy has written, but for the file that holds the secret. */
  const written = (dir = proxy.conf.path): string =>
    readdirSync(dir)
      .map(name => join(dir, name))
      .filter(path => !path.endsWith('/key'))
      .map(path =>
        statSync(path).isDirectory()
          ? written(path)
          : statSync(path).isFile()
            ? readFileSync(path, 'latin1')
            : '',
      )
      .join('\n')
  return { origin, proxy, ask, send, approvals, ctl, url, written }
}

/** Behind the answer to the CONNECT. */
const inside = ({ stdout }: { readonly stdout: string }): string =>
  stdout.replace(/^HTTP\/1\.1 200 Conn[\s\S]*?\r\n\r\n/, '')

test('an agent with a placeholder: held, signalled, approved, served with the secret, revoked', async t => {
  const stage = await agent(t, ['approval.js signal_after=1s', 'secrets.js file=secrets.yaml'])
  const { origin, proxy, ask, approvals, ctl, written } = stage
  const first = await ask()
  t.match(inside(first), /^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: 1\r\n/, first.stderr)
  t.equal(origin.requests.length, 0)
  const [{ id = '' } = {}] = await approvals()
  t.match(await ctl('accept', id, '--for', '10m'), { code: 0 })

  const served = inside(await ask())
  t.equal(origin.requests[0]?.headers.authorization, `Bearer ${SECRET}`)
  t.match(served, /^HTTP\/1\.1 200 got Bearer \*{24}\r\n/)
  t.match(served, /\r\nLocation: \/next\?key=Bearer%20\*+\r\n/)
  t.match(served, /\{"authorization":"Bearer \*{24}","encoded":"bWU6QmVhcmVyI\*+=="\}/)

  for (const [path, why] of [
    [`http://other.test:${origin.port}/`, /the request is not encrypted/],
    [`/${PLACEHOLDER}`, /it stands in the URL/],
  ] as const) {
    const answer = inside(await ask(path))
    t.match(answer, /^HTTP\/1\.1 403 [\s\S]*PTC_PLUGIN_REFUSED_REQUEST/)
    t.match(answer, why)
    await proxy.until(new RegExp(`NOTE: \\[secrets\\] .* sends the placeholder of agent to .*${why.source}`))
  }
  t.match(inside(await ask('/gzip')), /^HTTP\/1\.1 502 [\s\S]*compressed/)
  t.match(await ctl('revoke', HOST), { code: 0 })
  t.match(inside(await ask()), /^HTTP\/1\.1 503 /)
  t.equal(origin.requests.length, 2)
  t.notMatch(proxy.output() + written(), /sk-live|4f9aK2mQ/)
  t.match(written(), /"pssc"|"status"|PLACEHOLDER/, 'there is a log')
})

test('a pooled connection gets a secret only if the key that was shown on it is the right one', async t => {
  const wrong = await agent(t, ['secrets.js'], `, spki: "${'A'.repeat(43)}="`)
  t.match(inside(await wrong.send('/')), /^HTTP\/1\.1 200 /)
  const refused = inside(await wrong.ask())
  t.match(refused, /^HTTP\/1\.1 403 [\s\S]*shows none of its keys/)
  t.equal(wrong.origin.connections, 1, 'it was the connection of the first request')
  t.equal(wrong.origin.requests.length, 1)

  const right = await agent(t, ['secrets.js'], `, spki: "${KEY}"`)
  t.match(inside(await right.send('/')), /^HTTP\/1\.1 200 /)
  t.match(inside(await right.ask()), /^HTTP\/1\.1 200 /)
  t.equal(right.origin.connections, 1)
  t.equal(right.origin.requests[1]?.headers.authorization, `Bearer ${SECRET}`)
})

test('an https URL in absolute form gets the secret, too', async t => {
  const { proxy, origin, url } = await agent(t, ['secrets.js'])
  const { stdout } = await curl([
    ...['-s', '-i', '-x', `http://127.0.0.1:${proxy.port}`, '--request-target', `${url}/absolute`],
    ...['-H', `Authorization: Bearer ${PLACEHOLDER}`, `http://${HOST}:${origin.port}/`],
  ])
  t.match(stdout, /^HTTP\/1\.1 200 [\s\S]*"authorization":"Bearer \*{24}"/)
  t.equal(origin.requests[0]?.headers.authorization, `Bearer ${SECRET}`)
})

test('an origin of HTTP/2 gets the secret, and its answer is cleaned', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const h2 = await http2Origin(t.teardown, [HOST], root, (req, res) => {
    const { authorization = '' } = req.headers
    res.writeHead(200, { 'x-echo': authorization })
    res.write(authorization.slice(0, 12))
    setTimeout(() => res.end(authorization.slice(12)), 20)
  })
  const yaml = `secrets: [{name: agent, placeholder: ${PLACEHOLDER}, file: key, host: ${HOST}}]`
  const { proxy } = await managedHere(t, ['secrets.js'], callCtl, {
    files: { ...(await bumpFiles()), 'secrets.yaml': yaml, key: SECRET },
    records: { ...BUMP, 'proxy.config.http.connect_ports': '*', 'proxy.config.http2.enabled': 1 },
  })
  const { stdout } = await curl([
    ...['-s', '-i', '-x', `http://127.0.0.1:${proxy.port}`],
    ...['--cacert', join(proxy.conf.path, 'bump-ca.pem'), '-H', `Authorization: Bearer ${PLACEHOLDER}`],
    `https://${HOST}:${h2.port}/`,
  ])
  t.match(h2.seen, [{ version: '2.0', headers: { authorization: `Bearer ${SECRET}` } }])
  t.match(
    inside({ stdout }),
    /^HTTP\/2 200 [\s\S]*\r\nx-echo: Bearer \*{24}\r\n[\s\S]*\r\n\r\nBearer \*{24}$/i,
  )
})
