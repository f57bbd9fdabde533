/** Which files a request passes that finds an idle connection: docs/performance.md names them. */
import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { getOn, rawClient } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { startProxyHere } from '../kit/proxy.js'
import { filesOnTheWay, WAY_PAGE } from '../rules/kit/architecture.js'
import { ROOT } from '../rules/kit/source.js'

/** Returns what names the files of core in which a function was called since it was asked last. */
async function coverage(t: Test): Promise<() => Promise<ReadonlySet<string>>> {
  const session = new Session()
  session.connect()
  t.teardown(() => session.disconnect())
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  return async () => {
    const { result } = await session.post('Profiler.takePreciseCoverage')
    const called = result.filter(({ functions }) =>
      functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)),
    )
    return new Set(called.flatMap(({ url }) => /\/dist\/(core\/.*)\.js$/.exec(url)?.[1] ?? []))
  }
}

test('a pooled request passes the files that docs/performance.md names, and no other', async t => {
  const origin = await nodeOrigin()
  t.teardown(origin.stop)
  const called = await coverage(t)
  const proxy = await startProxyHere({})
  t.teardown(proxy.stop)
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  const request = () => getOn(client, `http://127.0.0.1:${origin.port}/`)
  await request()
  const ways: ReadonlySet<string>[] = []
  for (let i = 0; i < 5; i++) {
    await called()
    t.equal((await request()).status, 200)
    ways.push(await called())
  }
  t.equal(origin.connections, 1)
  const [first = new Set(), ...others] = ways
  // A timer of another part may run within one of them.
  const always = [...first].filter(file => others.every(way => way.has(file)))
  t.strictSame(
    always
      .filter(file => !file.startsWith('core/base/'))
      .map(file => `${file}.ts`)
      .sort(),
    filesOnTheWay(readFileSync(join(ROOT, WAY_PAGE), 'utf8')).sort(),
  )
})
