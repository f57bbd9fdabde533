/** Rules of `policy` and `access_rules` about groups, with the test kit. */
import { type Test, test } from 'tap'
import type { Origin, Outcome } from '../../core/testing/kit.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const BLOCKED = rejected('policy', 'policy')

/** What becomes of an origin, by the client that asks for it. */
type Ask = (client?: Origin['client']) => Promise<Outcome>

async function ruled(t: Test, text: string, line: string): Promise<Ask> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const kit = await openPlugins(t, `${line} file=${dir.file('policy.yaml', text)}`)
  return async client => await (await kit.park({ host: 'a.example', ...(client && { client }) })).ended()
}

for (const line of ['policy', 'policy @isolate=worker'])
  test(`policy judges groups: ${line}`, async t => {
    const text = `rules:
- {action: block, group: "temp-*"}
- {action: allow, group: [staff, "admins-*"]}
- {action: block, host: "*"}
`
    const ask = await ruled(t, text, line)
    const of = (groups?: string[]) => ask(groups && { user: 'ann', groups })
    t.strictSame(await of(['guests', 'staff']), ACCEPTED)
    t.strictSame(await of(['admins-7']), ACCEPTED)
    t.match(await of(['staff', 'temp-1']), BLOCKED, 'an earlier rule counts')
    t.match(await of(['Staff']), BLOCKED, 'names are compared as they are')
    t.match(await of([]), BLOCKED)
    t.match(await of(), BLOCKED, 'an unknown client is in no group')
    const demand = await ruled(t, 'rules:\n- {action: require, group: staff, key: rsa}\n', line)
    t.match(await demand({ groups: ['staff'] }), BLOCKED, 'a group selects what is demanded')
    t.strictSame(await demand({ groups: ['guests'] }), ACCEPTED)
  })

test('access_rules judges users and groups', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const file = dir.file(
    'access.yaml',
    `lists:
  staff: { groups: [staff, admins] }
  ann: { users: ann }
rules:
- allow: [staff]
- deny: ["!ann"]
- allow: []
`,
  )
  const kit = await openPlugins(t, `access_rules file=${file}`)
  const of = async (login: { readonly user?: string; readonly groups?: readonly string[] }) => {
    const request = await kit.transaction({ url: 'http://a.example/', ...login }).readRequest()
    return (await request.ended()).kind
  }
  t.equal(await of({ user: 'bob', groups: ['admins'] }), 'accepted')
  t.equal(await of({ user: 'ann', groups: [] }), 'accepted')
  t.equal(await of({ user: 'bob', groups: ['guests'] }), 'rejected')
  t.equal(await of({}), 'rejected', 'without a login')
})
