import * as bcrypt from '@node-rs/bcrypt'
import { test } from 'tap'
import { parseIpAllow } from '../../../../../core/config/ip-allow.js'
import { ClientRequest } from '../../../../../core/http/listener/client-request.js'
import { admissions, makeAccess } from '../../../../../core/program/wiring/inbound/access.js'
import type { Settings } from '../../../../../core/settings/settings.js'
import { collectGarbage } from '../../../../kit/garbage.js'

const settings = { access: { deniesPrivateOrigins: false } } as Settings
const request = (method: string, remoteAddress: string): ClientRequest =>
  ({ method, rawHeaders: [], client: { remoteAddress, handshakes: [] } }) as unknown as ClientRequest

const RULES = `
ip_allow:
  - { apply: in, ip_addrs: 10.0.0.0/8, action: allow, methods: [GET, CONNECT] }
  - { apply: in, ip_addrs: 192.0.2.7, action: allow }
`

test('each request is judged by its address and its method', async t => {
  const { admit, admitInside } = makeAccess({
    settings,
    ipAllow: parseIpAllow(RULES, 'f'),
    users: undefined,
    groups: undefined,
    tokenKeys: undefined,
  })
  for (let round = 0; round < 2; round++)
    for (const judge of [admit, admitInside]) {
      t.equal(judge(request('GET', '10.0.0.1')), undefined)
      t.match(judge(request('POST', '10.0.0.1')), { code: 'PTC_CLIENT_DENIED', message: /POST.*f:3/ })
      t.equal(judge(request('POST', '192.0.2.7')), undefined)
      t.match(judge(request('GET', '192.0.2.8')), { code: 'PTC_CLIENT_DENIED', message: /no rule of f/ })
    }
})

test('methods that a client makes up keep no memory', async t => {
  const { admit } = makeAccess({
    settings,
    ipAllow: parseIpAllow(RULES, 'f'),
    users: undefined,
    groups: undefined,
    tokenKeys: undefined,
  })
  const used = (): number => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = used()
  for (let i = 0; i < 20_000; i++) void admit(request(`${i}-${'x'.repeat(1000)}`.toUpperCase(), '10.0.0.1'))
  t.ok(used() - before < 10_000_000, 'less than a half of what the client has sent')
  t.equal(admit(request('GET', '10.0.0.1')), undefined)
})

test('a reload while a password is checked counts for the request', async t => {
  const of = (users: Readonly<Record<string, string>> | undefined, rules = RULES) =>
    makeAccess({
      ...{ settings, ipAllow: parseIpAllow(rules, 'f'), groups: undefined, tokenKeys: undefined },
      users: users && new Map(Object.entries(users)),
    })
  const hash = bcrypt.hashSync('secret', 4)
  const rawHeaders = ['Proxy-Authorization', `Basic ${btoa('ann:secret')}`]
  /** The answer where the first access gives way to the second one during the check, and the user then. */
  const judged = async (first: ReturnType<typeof of>, second: ReturnType<typeof of>) => {
    let access = first
    const client = { remoteAddress: '10.0.0.1', network: '10.0.0.1', handshakes: [] as const }
    const head = { method: 'CONNECT', url: 'a.test:443', httpVersion: '1.1', rawHeaders, isUpgrade: false }
    const source = { flow: () => {}, halt: () => {}, handOver: () => t.fail('handed over') as never }
    const req = new ClientRequest(client as unknown as ClientRequest['client'], source, head)
    const answer = admissions(() => ({ access })).admit(req)
    t.type(answer, Promise)
    access = second
    return [(await answer)?.code, req.user]
  }
  /** Anew: one that has checked the password remembers it. */
  const ann = () => of({ ann: hash })
  t.strictSame(await judged(ann(), ann()), [undefined, 'ann'])
  t.strictSame(await judged(ann(), of({ ann: hash })), [undefined, 'ann'], 'a reload that changes nothing')
  t.strictSame(await judged(ann(), of({ bob: hash })), ['PTC_PROXY_AUTH_REQUIRED', undefined], 'ann is gone')
  const other = of({ ann: bcrypt.hashSync('other', 4) })
  t.strictSame(await judged(ann(), other), ['PTC_PROXY_AUTH_REQUIRED', undefined], 'another password')
  t.strictSame(await judged(other, ann()), [undefined, 'ann'], 'the password that is right now')
  t.strictSame(await judged(ann(), of(undefined)), [undefined, undefined], 'clients do not log in any more')
  const denied = of({ ann: hash }, 'ip_allow: [{ apply: in, ip_addrs: 10.0.0.1, action: deny }]')
  t.strictSame(await judged(ann(), denied), ['PTC_CLIENT_DENIED', undefined], 'rules of ip_allow.yaml')
})
