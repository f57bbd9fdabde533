import { test } from 'tap'
import { makeChain } from '../../../core/testing/kit.js'
import { dir, open, plugin } from './plugins.js'

const host = 'a.example'

test('what the built-in check says is for the test to choose', async t => {
  plugin(
    'sees',
    '({ builtIn, checks, reenable }) => { note(JSON.stringify([builtIn, checks.signature.ok, checks.name.ok])); reenable() }',
  )
  const kit = await open(t, 'sees.mjs')
  await kit.park({ host, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED', depth: 1 })
  await kit.park({ host, builtIn: 'X509_V_ERR_HOSTNAME_MISMATCH' })
  t.strictSame(
    kit.log.map(line => JSON.parse(line.slice('NOTE [sees] '.length))),
    [
      [
        {
          ok: false,
          name: 'X509_V_ERR_CERT_HAS_EXPIRED',
          code: 10,
          depth: 1,
          message: 'certificate has expired',
        },
        false,
        true,
      ],
      [
        { ok: false, name: 'X509_V_ERR_HOSTNAME_MISMATCH', code: 62, depth: 0, message: 'hostname mismatch' },
        true,
        false,
      ],
    ],
  )
  const bound = await open(t, 'sees.mjs', {
    records: { 'proxy.config.ssl.client.verify.server.override': 0 },
  })
  const { outcome, calls } = await bound.park({ host, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' })
  t.match(outcome, { kind: 'rejected', by: 'built-in', reason: 'X509_V_ERR_CERT_HAS_EXPIRED' })
  t.equal(calls.length, 0, 'as the records have it')
})

test('a chain is a text, a file, or what it shall say', async t => {
  plugin(
    'shows',
    '({ sni, port, chain, reenable }) => { note([sni, port, ...chain.map(c => c.subject + c.issuer)].join()); reenable() }',
  )
  const kit = await open(t, 'shows.mjs')
  const wanted = [{ subject: '/C=US/O=A, B & C/CN=x.example' }, { subject: '/CN=An Issuer' }] as const
  const pem = await makeChain(...wanted)
  dir.file('chain.pem', pem)
  for (const chain of [pem, 'chain.pem', wanted])
    await kit.park({ host, chain, sni: 'b.example', port: 8443 })
  const line =
    'NOTE [shows] b.example,8443,/C=US/O=A, B & C/CN=x.example/CN=An Issuer,/CN=An Issuer/O=Portcullis/CN=Test Root'
  t.strictSame(kit.log, [line, line, line])
  await kit.park({ host: '192.0.2.7' })
  t.equal(
    kit.log.at(-1),
    'NOTE [shows] ,443,/CN=192.0.2.7/O=Portcullis/CN=Test Root',
    'no SNI for an address',
  )
})
