/** What a worker thread of an isolated plugin loads: nothing native, nothing of the engine's. */
import { test } from 'tap'
import { readSources } from './kit/source.js'

test('the entry of a worker reaches neither the engine nor a socket', async t => {
  const files = new Map(readSources('core').map(file => [file.path, file]))
  const reached = new Set<string>()
  const modules = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { file, specifier, isTypeOnly } of files.get(path)?.imports ?? []) {
      if (isTypeOnly) continue
      if (file === undefined) modules.add(specifier)
      else visit(file)
    }
  }
  visit('core/plugin-host/isolate/serve.ts')
  t.ok(reached.has('core/wait/turn.ts'), 'the way is followed')
  t.notOk([...reached].some(path => path.startsWith('core/tls/') || path.startsWith('core/http/')))
  for (const native of ['koffi', 'piscina', 'node:net', 'node:tls']) t.notOk(modules.has(native), native)
})
