import { test } from 'tap'
import { parseSslMulticert } from '../../../core/config/ssl-multicert.js'

test('ssl_multicert.config', async t => {
  const text = `# certificates
dest_ip=* ssl_cert_name=a.pem ssl_key_name=a.key

  dest_ip=[::1]  ssl_cert_name="with blank.pem,b.pem" ssl_ca_name=ca.pem
ssl_cert_name=c.pem dest_ip=10.0.0.1
`
  t.strictSame(parseSslMulticert(text, 'f'), [
    { destIp: undefined, certificates: ['a.pem'], keys: ['a.key'], issuers: [], where: 'f:2' },
    { destIp: '::1', certificates: ['with blank.pem', 'b.pem'], keys: [], issuers: ['ca.pem'], where: 'f:4' },
    { destIp: '10.0.0.1', certificates: ['c.pem'], keys: [], issuers: [], where: 'f:5' },
  ])
})

test('mistakes in ssl_multicert.config are named with their line', async t => {
  for (const [line, message] of [
    ['dest_ip=*', 'f:1: there is no ssl_cert_name; add ssl_cert_name=FILE'],
    ['ssl_cert_name=', 'f:1: there is no ssl_cert_name; add ssl_cert_name=FILE'],
    ['ssl_cert_nam=a', 'f:1: unknown key "ssl_cert_nam"; did you mean ssl_cert_name?'],
    [
      'certificate=a',
      'f:1: unknown key "certificate"; the keys are dest_ip, ssl_cert_name, ssl_key_name, ssl_ca_name',
    ],
    ['dest_ip=here ssl_cert_name=a', 'f:1: dest_ip must be an address or *, not "here"'],
    [
      'ssl_cert_name=a,b ssl_key_name=c',
      'f:1: ssl_cert_name has 2 files, ssl_key_name has 1 file; give each certificate its key',
    ],
    ['ssl_cert_name=a ssl_cert_name=b', 'f:1: ssl_cert_name is given twice'],
    [
      'ssl_cert_name=a junk',
      'f:1: "junk" is not key=value; the keys are dest_ip, ssl_cert_name, ssl_key_name, ssl_ca_name',
    ],
    ['ssl_cert_name=a action=tunnel', 'f:1: action is not supported; remove it'],
  ] as const)
    t.throws(() => parseSslMulticert(line, 'f'), { code: 'PTC_SSL_MULTICERT_INVALID', message }, line)
})
