/** The alert rules and the dashboard fit the metrics that the proxy has. */
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { startChild } from '../kit/child.js'
import { get } from '../kit/client.js'
import { CONNECTION, HOST, issued, managedHere } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { makeTempDir } from '../kit/temp-dir.js'

const FOLDER = 'etc/monitoring/'
const ALERTS = readFileSync(`${FOLDER}alerts.yml`, 'utf8')
const DASHBOARD = readFileSync(`${FOLDER}grafana-dashboard.json`, 'utf8')

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[]
}

async function promtool(...args: string[]): Promise<{ readonly code: number; readonly out: string }> {
  const child = await startChild('promtool', args, { cwd: FOLDER })
  const code = await child.exited()
  return { code, out: child.stdout() + child.stderr() }
}

test('each alert is raised when it should be, and only then', async t => {
  t.match(await promtool('check', 'rules', 'alerts.yml'), { code: 0 })
  t.match(await promtool('test', 'rules', 'alerts.test.yml'), { code: 0 })
})

test('Prometheus can read each query of the dashboard', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const { panels } = JSON.parse(DASHBOARD) as Dashboard
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  const rules = queries.map((expr, i) => ({
    record: `query_${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  }))
  const file = dir.file('queries.yml', JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  t.match(await promtool('check', 'rules', file), {
    code: 0,
    out: new RegExp(`${queries.length} rules found`),
  })
})

test('each metric of alerts and dashboard is one that the proxy has', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one'])
  await ctl('metric', 'match', 'none') // handshakes are counted from the first question on
  await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)
  const { out } = await ctl('metric', 'match', '.')
  const has = new Set([...out.matchAll(/^(\w+)[{ ]/gm)].map(([, name]) => name))
  const named = `${ALERTS}${DASHBOARD}`.matchAll(/\b(?:portcullis|nodejs|process)_\w+/g)
  const missing = [...new Set([...named].map(([name]) => name))].filter(name => !has.has(name))
  t.same(missing, [])
})
