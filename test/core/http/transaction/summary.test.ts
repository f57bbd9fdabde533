import { test } from 'tap'
import type { ClientRequest } from '../../../../core/http/listener/client-request.js'
import { effectiveUrl } from '../../../../core/http/transaction/summary.js'

test('the effective URL comes from the target, the connection and the Host field', async t => {
  const of = (url: string, origin?: string, host?: string): string =>
    effectiveUrl({ url, client: { origin }, headers: { host } } as unknown as ClientRequest)
  const origin = 'https://a.example:8443'
  t.equal(of('/x?y'), '/x?y', 'the proxy itself')
  t.equal(of('http://b.example/x', undefined, 'c.example'), 'http://b.example/x', 'the absolute form wins')
  t.equal(of('/x?y', origin, 'a.example:8443'), 'https://a.example:8443/x?y')
  t.equal(of('/x', origin), 'https://a.example:8443/x', 'HTTP/1.0 may leave the Host field out')
  t.equal(of('/x', origin, ''), 'https://a.example:8443/x')
  t.equal(of('/x', origin, 'b.example'), 'https://b.example/x', 'a name that is refused')
  t.equal(of('*', origin, 'a.example:8443'), 'https://a.example:8443')
  t.equal(of('https://b.example/x', origin, 'c.example'), 'https://b.example/x')
  t.equal(of('x', origin, 'a.example:8443'), 'x', 'what is no form of a request-target')
})
