import { test } from 'tap'
import { bindsConnection } from '../../../core/origin/connection-login.js'

const BINDING: readonly (readonly [name: string, value: string])[] = [
  ['Authorization', 'NTLM TlRMTVNTUAAB'],
  ['authorization', 'negotiate YII='],
  ['Authorization', 'Kerberos x'],
  ['Authorization', 'Concealed k="x"'], // RFC 9729: proves a key to the TLS connection
  ['Authorization', 'Later-Than-This x'],
  ['Authorization', 'NTLM'],
  ['Authorization', ' \tNTLM x'],
  ['Authorization', ''],
  ['Authorization', 'Basic="x"'],
  ['Authorization', 'Basic, NTLM x'],
  ['Authorization', 'Basi\u00e7 x'],
  ['Proxy-Authorization', 'NTLM x'],
  ['WWW-Authenticate', 'NTLM'],
  ['WWW-AUTHENTICATE', 'Negotiate'],
  ['WWW-Authenticate', 'Negotiate oYG='],
  ['WWW-Authenticate', 'Basic realm="x", NTLM'],
  ['WWW-Authenticate', 'Basic realm="x" , , Negotiate abc=='],
  ['WWW-Authenticate', 'Digest nonce="a\\", b", qop=auth,NTLM'],
  ['WWW-Authenticate', 'Basic realm="open, NTLM'],
  ['WWW-Authenticate', 'Basic realm="x"NTLM, NTLM'],
  ['WWW-Authenticate', 'Basic realm="x", a b=c'],
  ['WWW-Authenticate', 'Basic realm="x", nonsense value'],
  ['Proxy-Authenticate', 'NTLM'],
  ['Authentication-Info', 'Negotiate oYG='],
  ['Proxy-Authentication-Info', 'Negotiate oYG='],
  ['Persistent-Auth', 'true'],
]

const FREE: readonly (readonly [name: string, value: string])[] = [
  ['Authorization', 'Basic eDp5'],
  ['Authorization', 'BASIC eDp5'],
  ['Authorization', 'Bearer NTLM'],
  ['Authorization', 'Digest username="NTLM", realm="Negotiate"'],
  ['Authorization', 'AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y'],
  ['WWW-Authenticate', 'Basic realm="NTLM, Negotiate"'],
  ['WWW-Authenticate', 'Basic realm="a \\", NTLM", charset = "UTF-8", Digest nonce=x'],
  ['WWW-Authenticate', 'Bearer'],
  ['WWW-Authenticate', ''],
  ['Authentication-Info', 'nextnonce="x", qop=auth'],
  ['Persistent-Auth', 'false'],
  ['X-Authorization-X', 'NTLM'],
  ['Authorisation', 'NTLM x'],
]

test('fields that name a scheme which authenticates the connection are found', async t => {
  for (const [name, value] of BINDING) t.ok(bindsConnection(['Host', 'a', name, value]), `${name}: ${value}`)
  for (const [name, value] of FREE) t.notOk(bindsConnection([name, value, 'A', 'b']), `${name}: ${value}`)
  t.ok(bindsConnection(['Authorization', 'Basic x', 'Authorization', 'NTLM x']), 'each field counts')
  t.notOk(bindsConnection([]))
})
