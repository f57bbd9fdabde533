/** Logins that authenticate a connection, by the real curl, in every way that a request can take through the proxy. */
import { type Test, test } from 'tap'
import { startBumping } from '../kit/bumping.js'
import { type Connecting, startConnecting, testRoot } from '../kit/connecting.js'
import { curl as runCurl } from '../kit/curl.js'
import { loginOrigin } from '../kit/login-origin.js'
import type { NodeOrigin } from '../kit/node-origin.js'

const HOST = 'intranet.test'
const AS_ALICE = ['--ntlm', '-u', 'alice:password'] as const

interface Stage {
  readonly origin: NodeOrigin
  readonly url: string
  /** One run of curl: the bodies of its answers. */
  curl(...args: string[]): Promise<string>
}

/** How a request comes to an origin that asks for NTLM. */
const WAYS: Readonly<Record<string, (t: Test) => Promise<Stage>>> = {
  'plain HTTP': async t => {
    const origin = await loginOrigin()
    t.teardown(origin.stop)
    const at = await startConnecting(t, { hosts: [HOST] })
    const through = ['-sS', '-x', `http://127.0.0.1:${at.proxy.port}`]
    const curl = async (...args: string[]) => (await runCurl([...through, ...args])).stdout
    return { origin, url: `http://${HOST}:${origin.port}`, curl }
  },
  'an https origin that the proxy asks itself': async t => {
    const { origin, ...at } = await secured(t, startConnecting)
    const through = ['-sS', '-x', `http://127.0.0.1:${at.proxy.port}`]
    const target = `https://${HOST}:${origin.port}`
    const curl = async (...args: string[]) => (await runCurl([...through, ...args])).stdout
    // curl would ask for a tunnel: it is told of an http origin of that name, whose requests name the https one.
    return { origin, url: `${target}/`, curl: (...args) => curl(...args.flatMap(asAbsolute)) }
  },
  'CONNECT, probe': async t => {
    const { origin, ...at } = await secured(t, startConnecting)
    const curl = async (...args: string[]) => bodyOf((await at.curl(...args)).stdout)
    return { origin, url: `https://${HOST}:${origin.port}`, curl }
  },
  'CONNECT, bump': async t => {
    const { origin, ...at } = await secured(t, startBumping)
    const curl = async (...args: string[]) => bodyOf((await at.browse(...args)).stdout)
    return { origin, url: `https://${HOST}:${origin.port}`, curl }
  },
}

/** `--request-target` in the place of an https URL. */
const asAbsolute = (arg: string): string[] =>
  arg.startsWith('https://') ? ['--request-target', arg, arg.replace('https:', 'http:')] : [arg]

async function secured<S extends Connecting>(
  t: Test,
  start: (t: Test, options: { readonly hosts: readonly string[] }) => Promise<S>,
): Promise<S & { readonly origin: NodeOrigin }> {
  const leaf = await (await testRoot()).issue({ cn: HOST })
  const origin = await loginOrigin({ tls: leaf })
  t.teardown(origin.stop)
  return { ...(await start(t, { hosts: [HOST] })), origin }
}

/** Behind the heads that `-i` shows. */
const bodyOf = (text: string): string =>
  text
    .split(/\r?\n/)
    .filter(line => /^\S+ \d+$/.test(line) || line === 'login')
    .join('\n')

for (const [way, start] of Object.entries(WAYS))
  test(`curl logs in by NTLM: ${way}`, async t => {
    const { origin, url, curl } = await start(t)
    const lines = async (...args: string[]): Promise<readonly string[]> =>
      (await curl(...args)).split('\n').filter(line => line !== '')
    t.strictSame((await lines(...AS_ALICE, url)).at(-1), 'alice 0')
    const answered = origin.requests.filter(({ headers }) => headers.authorization !== undefined)
    t.equal(new Set(answered.map(({ connection }) => connection)).size, 1, 'the login is on one connection')
    t.strictSame(
      (await lines(...AS_ALICE, '-d', 'x'.repeat(5000), url)).at(-1),
      'alice 5000',
      'a body, sent twice',
    )
    t.strictSame((await lines(url)).at(-1), 'login', 'another curl has no login')
    t.strictSame((await lines('--ntlm', '-u', 'alice:wrong', url)).at(-1), 'login', 'a wrong password')
    const [one, two] = await Promise.all([
      lines(...AS_ALICE, url),
      lines('--ntlm', '-u', 'bob:password', url),
    ])
    t.strictSame([one.at(-1), two.at(-1)], ['alice 0', 'bob 0'], 'two at the same time')
    t.strictSame((await lines(...AS_ALICE, '--anyauth', url)).at(-1), 'alice 0', 'after the challenge')
  })
