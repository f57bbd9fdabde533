import { type DemoClient, runCurl } from './clients.js'
import type { DemoOrigin } from './origins.js'
import { draw, LEGEND } from './picture.js'
import type { DemoProxy } from './proxy.js'
import type { Screen } from './screen.js'
import type { Story } from './story.js'

/** Everything that is up while the demo runs. Clients and origins belong together by their place. */
export interface Cast {
  readonly screen: Screen
  readonly proxy: DemoProxy
  readonly origins: readonly DemoOrigin[]
  readonly clients: readonly DemoClient[]
  readonly caFile: string
}

/** Milliseconds from frame to frame. */
const FRAME = 80
/** How long the last log line and the last alert may be on their way, milliseconds. */
const SETTLE = 100
/** Of curl's words on one line of the screen. */
const INDENT = 4

/** Sends all three, and shows how it goes. */
export async function showRequests({ screen, proxy, origins, clients }: Cast): Promise<readonly Story[]> {
  const start = performance.now()
  const answers: Story['client'][] = clients.map(() => ({}))
  const frame = (): string[] => draw(collect(), performance.now() - start, screen)
  const collect = (): Story[] =>
    origins.map((origin, i) =>
      since(start, {
        host: origin.host,
        client: answers[i] ?? {},
        proxy: proxy.seen(origin.host),
        origin: origin.seen(),
      }),
    )
  const timer = setInterval(() => screen.frame(frame()), FRAME)
  try {
    await Promise.all(
      clients.map(async (client, i) => {
        answers[i] = await client.send()
      }),
    )
    // The log and the alert may be on their way still.
    await new Promise(resolve => setTimeout(resolve, SETTLE))
  } finally {
    clearInterval(timer)
  }
  screen.finalFrame([...frame(), '', `  ${screen.paint('dim', LEGEND)}`, ''])
  return collect()
}

/** The same story with its times counted from `start`. */
function since(start: number, { host, client, proxy, origin }: Story): Story {
  const shift = <T extends object>(times: T): T =>
    Object.fromEntries(
      Object.entries(times).map(([name, value]) => [name, name.endsWith('At') ? value - start : value]),
    ) as T
  return { host, client: shift(client), proxy: shift(proxy), origin: shift(origin) }
}

/** A tunnel to a host that is blocked, and to one that is not. */
export async function showCurl({ screen, proxy, origins, caFile }: Cast): Promise<void> {
  const [blocked, allowed] = origins
  for (const origin of [blocked, allowed]) {
    if (origin === undefined) continue
    const run = await runCurl(proxy.port, origin, caFile)
    if (run === undefined) return screen.print('  (no curl on this machine: CONNECT is not shown)', '')
    if (run.connectStatus === 501) return screen.print('  (this build does not serve CONNECT yet)', '')
    screen.print(`  $ ${run.command}`, `${' '.repeat(INDENT)}${run.said.slice(0, screen.width - INDENT)}`)
  }
  screen.print('')
}

/** Until Ctrl-C. */
export async function stay({ screen, proxy, origins, caFile }: Cast): Promise<void> {
  const urls = origins.map(({ host, port }) => `https://${host}:${port}/`)
  screen.print(
    'Try it by hand; Ctrl-C ends everything.',
    '',
    `  telnet 127.0.0.1 ${proxy.port}        and one of`,
    ...urls.map(url => `    GET ${url} HTTP/1.0`),
    '  then a line `Accept: text/plain` for a page without markup, and an empty line',
    '',
    ...urls.map(url => `  curl -x http://127.0.0.1:${proxy.port} --cacert ${caFile} ${url}`),
    '',
  )
  await proxy.child.exited(2 ** 31 - 1)
}
