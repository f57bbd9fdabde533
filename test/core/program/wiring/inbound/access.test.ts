import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { parseIpAllow } from '../../../../../core/config/ip-allow.js'
import type { ClientRequest } from '../../../../../core/http/listener/client-request.js'
import { makeAccess } from '../../../../../core/program/wiring/inbound/access.js'
import type { Settings } from '../../../../../core/settings/settings.js'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const settings = { access: { deniesPrivateOrigins: false } } as Settings
const request = (method: string, remoteAddress: string): ClientRequest =>
  ({ method, rawHeaders: [], client: { remoteAddress } }) as unknown as ClientRequest

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
