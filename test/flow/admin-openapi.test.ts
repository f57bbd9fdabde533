/** The OpenAPI document of a running proxy. */
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { portOf, send, tokenOf } from '../kit/admin-client.js'
import { approving } from '../kit/approving.js'
import { pagePath } from '../kit/reference.js'

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly required: boolean }[]
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}
type Content = Readonly<Record<string, { readonly schema: { readonly properties?: Properties } }>>
type Properties = Readonly<Record<string, { readonly type?: string }>>
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

test('the API describes itself, and is as it says', async t => {
  const { proxy, ctl } = await approving(t, 'approval.js', { 'proxy.config.admin.listen': '127.0.0.1:0' })
  const port = portOf((await ctl('dashboard')).out.trim())
  const headers = tokenOf(proxy.conf.path)
  t.equal((await send(port, '/v1/openapi.json')).status, 401)
  const got = await send(port, '/v1/openapi.json', { headers })
  t.match(got, { status: 200, headers: { 'content-type': /^application\/json/ } })
  const document = JSON.parse(got.text)
  t.strictSame(document, JSON.parse(readFileSync(pagePath('openapi.json'), 'utf8')), 'as it is checked in')

  const paths = Object.entries(document.paths as Paths)
  for (const [path, operations] of paths) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true }))
    for (const [method, { parameters = [] }] of Object.entries(operations))
      t.match(parameters, names, `${method} ${path}`)
  }
  const isFree = ({ parameters = [] }: Operation): boolean => !parameters.some(({ required }) => required)
  const plain = paths.filter(([path, { get }]) => (get === undefined || isFree(get)) && !path.includes('{'))
  const readable = plain.filter(([, { get }]) => get !== undefined).map(([path]) => path)
  t.ok(readable.length > 6)
  // No plugin of this proxy learns, and events have no end.
  for (const path of readable.filter(one => !['/v1/learning/report', '/v1/events'].includes(one)))
    t.equal((await send(port, path, { headers })).status, 200, path)
})

/** Answers with lists of a few things that belong to one thing, or of one hour, which `since` cuts. */
const SHORT = ['/v1/status', '/v1/parked/{id}', '/v1/openapi.json', '/v1/samples']
/** What the lists of this proxy need. */
const QUERY: Readonly<Record<string, string>> = {
  '/v1/policy/explain': 'host=a.test',
  // Others come with their first measurement.
  '/v1/metrics': 'match=proxy.process',
}

test('every list comes in pages', async t => {
  const { proxy, ctl } = await approving(
    t,
    ['approval.js', 'policy.js'],
    {
      'proxy.config.admin.listen': '127.0.0.1:0',
    },
    { files: { 'policy.yaml': 'rules:\n  - name: a rule\n    action: allow\n' } },
  )
  const port = portOf((await ctl('dashboard')).out.trim())
  const headers = tokenOf(proxy.conf.path)
  const read = async (path: string) => JSON.parse((await send(port, path, { headers })).text)
  const { paths } = await read('/v1/openapi.json')
  const seen: string[] = []
  for (const [path, { get }] of Object.entries(paths as Paths)) {
    const { properties = {} } = get?.responses['200']?.content?.['application/json']?.schema ?? {}
    const lists = Object.keys(properties).filter(name => properties[name]?.type === 'array')
    if (get === undefined || lists.length === 0 || SHORT.includes(path)) continue
    const names = (get.parameters ?? []).map(({ name }) => name)
    t.ok(names.includes('limit') && names.includes('cursor') && 'next' in properties, `${path} is paged`)
    if (path === '/v1/learning/report') continue
    const query = QUERY[path] ?? ''
    const rowsIn = (page: Record<string, readonly unknown[]>) => lists.flatMap(name => page[name] ?? [])
    const all = rowsIn(await read(`${path}?${query}`))
    const pages: unknown[] = []
    let cursor: string | null = ''
    for (; cursor !== null && pages.length < 20; ) {
      const next: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page = await read(`${path}?${query}&limit=1${next}`)
      t.ok(rowsIn(page).length <= 1)
      pages.push(...rowsIn(page))
      cursor = page.next
    }
    const keys = (rows: readonly unknown[]) => rows.map(row => (row as { name?: string }).name ?? row)
    t.strictSame(keys(pages), keys(all.slice(0, 20)), path)
    seen.push(path)
  }
  t.ok(seen.length >= 7, seen.join(' '))
})
