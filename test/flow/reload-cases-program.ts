/** What shows that a reload takes over the records about plugins, diagnostics and logs. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { get } from '../kit/client.js'
import { HOST, outcomeOf, overTls, plain, type ReloadCases, type Stage } from '../kit/reloading.js'
import { makeTempDir } from '../kit/temp-dir.js'

const NO_IDLE = { 'proxy.config.http.origin_max_idle': 0 } as const

/** Rejects with what it can tell of its thread. */
const TELLER = `
import { resourceLimits, threadId } from 'node:worker_threads'
export default ({ hookAdd, reject }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable, schedule }) =>
    schedule(() => reenable(reject('policy', 'thread=' + threadId + ' heap=' + resourceLimits.maxOldGenerationSizeMb + ';')), 300))
}
`
/** Does what the name of the origin says. */
const FAILING = `
export default ({ hookAdd }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => { process.exit(3) })
}
`
const STANDING = `
export default ({ hookAdd }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => {
    // Its thread stands still, without taking the processor from the one that must notice.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000)
    reenable()
  })
}
`
const SLOW_INIT = `export default () => new Promise(resolve => setTimeout(resolve, 1500))`
const HOLDING = `
export default ({ hookAdd }) => {
  hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', () => {})
}
`

const detail = async (stage: Stage): Promise<string> =>
  (await get(stage.proxy.port, `${stage.https}/`, [], 30_000)).body.toString()

const isolated = (module: string, records = {}) => ({
  plugins: ['p.mjs @isolate=worker'],
  modules: { 'p.mjs': module },
  records: { ...NO_IDLE, ...records },
})

const threads = async (stage: Stage): Promise<number> => {
  const all = await Promise.all(Array.from({ length: 8 }, () => detail(stage)))
  return new Set(all.map(text => /thread=\d+/.exec(text)?.[0])).size
}

/** Whether the plugin is out of service after two failures. */
const outOfService = async (stage: Stage): Promise<boolean> => {
  await detail(stage)
  await new Promise(resolve => setTimeout(resolve, 300))
  return /out of service/.test(await detail(stage))
}

const debugLines = async (stage: Stage): Promise<boolean> => {
  const before = stage.proxy.output().length
  await overTls(stage)
  return /DIAG: \(ssl\)/.test(stage.proxy.output().slice(before))
}

let asked = 0

/** The line of the access log about a request, wherever it goes. */
const logged = async (stage: Stage, files: readonly string[] = []): Promise<string | undefined> => {
  const path = `/path${asked++}`
  await get(stage.proxy.port, `${stage.https}${path}`)
  for (let tries = 0; tries < 15; tries++) {
    const texts = [stage.proxy.output(), ...files.filter(existsSync).map(file => readFileSync(file, 'utf8'))]
    const found = texts.flatMap(text => text.split('\n')).find(line => line.includes(path))
    if (found !== undefined) return found
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return undefined
}

const LOG = 'proxy.config.log'
const STDOUT = { [`${LOG}.logging_enabled`]: 3, [`${LOG}.filename`]: 'stdout' } as const

const folders = async (later: Stage['later']) => {
  const dir = makeTempDir()
  later(dir.remove)
  for (const name of ['one', 'two']) mkdirSync(join(dir.path, name))
  return dir.path
}

export const PROGRAM_CASES: ReloadCases<
  | 'proxy.config.plugin.plugin_dir'
  | 'proxy.config.plugin.init_timeout'
  | 'proxy.config.plugin.deadline'
  | 'proxy.config.plugin.isolate.workers'
  | 'proxy.config.plugin.isolate.memory_mb'
  | 'proxy.config.plugin.isolate.hang_timeout'
  | 'proxy.config.plugin.isolate.max_failures'
  | 'proxy.config.plugin.isolate.retry_after'
  | 'proxy.config.diags.debug.enabled'
  | 'proxy.config.diags.debug.tags'
  | 'proxy.config.log.logging_enabled'
  | 'proxy.config.log.logfile_dir'
  | 'proxy.config.log.filename'
  | 'proxy.config.log.format'
  | 'proxy.config.log.certificate_fields'
> = {
  'proxy.config.plugin.plugin_dir': {
    from: 'one',
    to: 'two',
    conf: {
      plugins: ['p.mjs'],
      files: {
        'one/p.mjs': `export default ({ hookAdd }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => reenable())`,
        'two/p.mjs': `export default ({ hookAdd, reject }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => reenable(reject('policy')))`,
      },
    },
    probe: overTls,
    expect: [200, 502],
  },
  'proxy.config.plugin.init_timeout': {
    from: 30_000,
    to: 10,
    conf: { plugins: ['p.mjs'], modules: { 'p.mjs': SLOW_INIT } },
    probe: plain,
    expect: [200, 'refused: PTC_PLUGIN_INIT_SLOW'],
  },
  'proxy.config.plugin.deadline': {
    from: 300,
    to: 60_000,
    conf: { plugins: ['p.mjs'], modules: { 'p.mjs': HOLDING } },
    probe: stage =>
      outcomeOf(get(stage.proxy.port, `http://${HOST}:1/`, [], 30_000).then(({ status }) => status)),
    expect: [504, 'waits'],
  },
  'proxy.config.plugin.isolate.workers': {
    from: 2,
    to: 3,
    conf: isolated(TELLER),
    probe: threads,
    expect: [2, 3],
  },
  'proxy.config.plugin.isolate.memory_mb': {
    from: 64,
    to: 96,
    conf: isolated(TELLER),
    probe: async stage => /heap=\d+/.exec(await detail(stage))?.[0],
    expect: ['heap=64', 'heap=96'],
  },
  'proxy.config.plugin.isolate.hang_timeout': {
    from: 100,
    to: 60_000,
    conf: isolated(STANDING),
    probe: overTls,
    expect: [502, 200],
  },
  'proxy.config.plugin.isolate.max_failures': {
    from: 1,
    to: 1000,
    conf: isolated(FAILING, { 'proxy.config.plugin.isolate.retry_after': 60_000 }),
    probe: outOfService,
    expect: [true, false],
  },
  'proxy.config.plugin.isolate.retry_after': {
    from: 60_000,
    to: 1,
    conf: isolated(FAILING, { 'proxy.config.plugin.isolate.max_failures': 1 }),
    probe: outOfService,
    expect: [true, false],
  },
  'proxy.config.diags.debug.enabled': {
    from: 0,
    to: 1,
    conf: { records: { ...NO_IDLE, 'proxy.config.diags.debug.tags': 'ssl' } },
    probe: debugLines,
    expect: [false, true],
  },
  'proxy.config.diags.debug.tags': {
    from: 'nothing',
    to: 'ssl',
    conf: { records: { ...NO_IDLE, 'proxy.config.diags.debug.enabled': 1 } },
    probe: debugLines,
    expect: [false, true],
  },
  'proxy.config.log.logging_enabled': {
    from: 0,
    to: 3,
    conf: { records: { [`${LOG}.filename`]: 'stdout' } },
    probe: async stage => (await logged(stage)) !== undefined,
    expect: [false, true],
  },
  'proxy.config.log.logfile_dir': {
    from: (path: string) => join(path, 'one'),
    to: (path: string) => join(path, 'two'),
    make: folders,
    conf: { records: { [`${LOG}.logging_enabled`]: 3, [`${LOG}.filename`]: 'x.log' } },
    probe: async stage => {
      const file = join(stage.made as string, 'two', 'x.log')
      return (await logged(stage, [file])) !== undefined
    },
    expect: [false, true],
  },
  'proxy.config.log.filename': {
    from: 'stdout',
    to: 'x.log',
    make: folders,
    conf: (path: string) => ({
      records: { [`${LOG}.logging_enabled`]: 3, [`${LOG}.logfile_dir`]: path },
    }),
    probe: async stage => (await logged(stage)) !== undefined,
    expect: [true, false],
  },
  'proxy.config.log.format': {
    from: 'squid',
    to: 'json',
    conf: { records: STDOUT },
    probe: async stage => (await logged(stage))?.startsWith('{'),
    expect: [false, true],
  },
  'proxy.config.log.certificate_fields': {
    from: 1,
    to: 0,
    conf: { records: STDOUT },
    probe: async stage => ((await logged(stage))?.split(' ').length ?? 0) > 11,
    expect: [true, false],
  },
}
