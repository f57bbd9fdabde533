/** The OpenAPI document of a running proxy. */
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { portOf, send, tokenOf } from '../kit/admin-client.js'
import { approving } from '../kit/approving.js'
import { pagePath } from '../kit/reference.js'

interface Operation {
  readonly parameters?: readonly { readonly required: boolean }[]
}
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
