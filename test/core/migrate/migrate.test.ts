/** The command, and what does not depend on the other proxy. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'tap'
import { migrate } from '../../../core/migrate/migrate.js'
import { commandHere } from '../../kit/command-here.js'
import { CASES, emptyFolder, readFolder, shippedPlugins } from './kit.js'

test('portcullis migrate', async t => {
  const cwd = emptyFolder(t)
  const run = (...args: readonly string[]) => commandHere(['migrate', ...args])
  const to = join(cwd, 'to')
  const good = await run(`${CASES}/33-forward-9-local-only`, '--to', to)
  t.equal(good.exitCode, 0, good.stderr())
  t.match(good.stdout(), /Every restriction was kept/)
  t.match(
    readFileSync(join(to, 'report.txt'), 'utf8'),
    /Every restriction was kept/,
    'the report is in the folder too',
  )
  t.equal(statSync(join(to, 'records.config')).mode & 0o077, 0, 'only the owner may read what was written')
  const again = await run(`${CASES}/33-forward-9-local-only`, '--to', to)
  t.equal(again.exitCode, 1)
  t.match(again.stderr(), /PTC_MIGRATE: .* is there and not empty; name another folder with --to/)

  const open = await run(
    '--from',
    'trafficserver',
    `${CASES}/31-reverse-six-records`,
    '--to',
    join(cwd, 'open'),
  )
  t.equal(open.exitCode, 1)
  t.match(open.stdout(), /lines? stands? in undecided\.config/)
  const start = await commandHere(['start', '-D', join(cwd, 'open')])
  t.equal(start.exitCode, 1)
  t.match(start.stderr(), /PTC_UNDECIDED: .*undecided\.config:3: records\.config:3: remap_required 1/)

  for (const [args, what] of [
    [[], /migrate lacks an argument: node dist\/core\/main\.js migrate .* DIR/],
    [['a', 'b'], /migrate has too many arguments: node dist\/core\/main\.js migrate .* DIR/],
    [['--from', 'nginx', 'a'], /--from is trafficserver or squid, not "nginx"/],
  ] as const) {
    const wrong = await run(...args)
    t.equal(wrong.exitCode, 64)
    t.match(wrong.stderr(), what)
  }
  t.match((await run(join(cwd, 'nowhere'))).stderr(), /PTC_MIGRATE: .*nowhere does not exist/)
})

test('a line of undecided.config that is a comment stops nothing', async t => {
  const from = emptyFolder(t)
  const to = join(from, '..', 'to')
  migrate({ from: undefined, dir: resolve(CASES, '33-forward-9-local-only'), to, shipped: new Set() })
  writeFileSync(join(to, 'undecided.config'), '# decided\n\n')
  t.equal(await readFolder(to), undefined)
  writeFileSync(join(to, 'undecided.config'), '# decided\nsni.yaml:3: not yet\n')
  const error = await readFolder(to)
  t.equal(error?.code, 'PTC_UNDECIDED')
  t.match(error?.message, /undecided\.config:2: sni\.yaml:3: not yet/)
})

test('plugins that come with Portcullis keep their lines', async t => {
  const dir = emptyFolder(t)
  writeFileSync(join(dir, 'records.config'), 'CONFIG proxy.config.url_remap.remap_required INT 0\n')
  writeFileSync(join(dir, 'plugin.config'), 'async_verify.so "a b"\n')
  mkdirSync(join(dir, 'sub'))
  const to = join(dir, 'to')
  const { isComplete } = migrate({ from: undefined, dir, to, shipped: shippedPlugins() })
  t.ok(isComplete)
  t.match(readFileSync(join(to, 'plugin.config'), 'utf8'), /^async_verify\.so "a b"$/m)
})
