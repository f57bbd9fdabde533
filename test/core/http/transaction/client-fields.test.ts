import { test } from 'tap'
import { readFieldList, readForwarded } from '../../../../core/config/record-lists.js'
import type { ClientInfo } from '../../../../core/http/listener/client-info.js'
import {
  type ClientFieldSettings,
  withClientFields,
  withoutCookies,
} from '../../../../core/http/transaction/client-fields.js'
import { parseRequestTarget } from '../../../../core/http/transaction/target.js'

const TARGET = parseRequestTarget('GET', 'http://a.example:8080/')
const CLIENT = { remoteAddress: '::ffff:192.0.2.7', localAddress: '2001:db8::1' } as ClientInfo

/** Changes nothing of a message. */
const NOTHING: ClientFieldSettings = { removed: new Set(), forwardedFor: false, clientIp: 0, forwarded: [] }

const sent = (headers: readonly string[], settings: Partial<ClientFieldSettings>, client = CLIENT) =>
  withClientFields(headers, client, TARGET, { ...NOTHING, ...settings })

test('fields about the client', async t => {
  const some = ['Accept', '*/*']
  t.same(sent(some, {}), some, 'by default nothing is changed')
  t.same(sent(some, { forwardedFor: true }), [...some, 'X-Forwarded-For', '192.0.2.7'])
  t.same(
    sent(['X-Forwarded-For', '10.0.0.1', 'x-forwarded-for', '10.0.0.2'], { forwardedFor: true }),
    ['X-Forwarded-For', '10.0.0.1', 'x-forwarded-for', '10.0.0.2, 192.0.2.7'],
    'the address is the last of the list',
  )
  t.same(sent(some, { clientIp: 1 }), [...some, 'Client-ip', '192.0.2.7'])
  t.same(sent(['client-ip', '10.0.0.1'], { clientIp: 1 }), ['client-ip', '10.0.0.1'])
  t.same(
    sent(['client-ip', '10.0.0.1', 'Client-IP', '10.0.0.2'], { clientIp: 2 }),
    ['client-ip', '192.0.2.7'],
    '2 replaces all that the client has sent',
  )
  t.same(sent([], { forwarded: readForwarded('for|by=ip|proto|host').parts }), [
    'Forwarded',
    'for=192.0.2.7;by="[2001:db8::1]";proto=http;host="a.example:8080"',
  ])
  t.same(
    sent([], { forwarded: ['for'] }, { remoteAddress: 'fe80::1%eth0' } as ClientInfo),
    ['Forwarded', 'for="[fe80::1]"'],
    'an IPv6 address stands in brackets and quotes, without its zone',
  )
})

test('fields that are removed', async t => {
  const removed = new Set(['cookie', 'x-secret', 'client-ip'])
  const headers = [
    'Cookie',
    'a=1',
    'X-Secret',
    '1',
    'x-secret',
    '2',
    'Accept',
    '*/*',
    'Client-ip',
    '10.0.0.1',
  ]
  t.same(sent(headers, { removed, clientIp: 2 }), ['Accept', '*/*'], 'and a removed Client-ip is not added')
  t.same(withoutCookies(['Set-Cookie', 'a=1', 'Date', 'x'], { ...NOTHING, removed }), ['Date', 'x'])
  const response = ['Set-Cookie', 'a=1']
  t.equal(withoutCookies(response, NOTHING), response)
})

test('the syntax of the records', async t => {
  t.same(readForwarded('none'), { parts: [], wrong: [] })
  t.same(readForwarded('proto:for'), { parts: ['for', 'proto'], wrong: [] })
  t.match(readForwarded('for|by=uuid').wrong.join(), /"by=uuid" is no part/)
  t.same(readFieldList('X-A, X-B').names, ['x-a', 'x-b'])
  t.match(readFieldList('Host').wrong.join(), /"host" frames a request/)
  t.match(readFieldList('a:b').wrong.join(), /no name of a field/)
})
