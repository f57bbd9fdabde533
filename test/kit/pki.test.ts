import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { type Authority, type Issued, makeAuthority, makeSelfSigned } from './pki.js'
import { requireProgram } from './programs.js'

/** What `openssl verify` says about it: `OK`, or the sentence of the first error. */
function verify(root: Authority, leaf: Issued, ...args: string[]): string {
  const openssl = requireProgram('openssl')
  const dir = mkdtempSync(join(tmpdir(), 'ptc-pki-'))
  try {
    const file = (name: string, text: string): string => {
      writeFileSync(join(dir, name), text)
      return join(dir, name)
    }
    const chain = leaf.issuersPem === '' ? [] : ['-untrusted', file('chain.pem', leaf.issuersPem)]
    const trust = ['-CAfile', file('root.pem', root.certPem), '-purpose', 'sslserver', ...args]
    execFileSync(openssl, ['verify', ...trust, ...chain, file('leaf.pem', leaf.certPem)], {
      stdio: 'pipe',
    })
    return 'OK'
  } catch (cause) {
    return /lookup: (.*)/.exec(String((cause as { stderr?: unknown }).stderr))?.[1] ?? String(cause)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('a certificate is as good or as bad as it was asked for', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const issuing = await makeAuthority({ name: 'Issuing', parent: root })
  const good = await issuing.issue({
    cn: 'good.test',
    sans: ['good.test', '*.wild.test', '127.0.0.1', '::1'],
  })
  t.equal(verify(root, good, '-verify_hostname', 'a.wild.test'), 'OK', 'OpenSSL accepts the plain one')
  t.equal(verify(root, good, '-verify_ip', '127.0.0.1'), 'OK', 'and its address')
  t.equal(verify(root, good, '-verify_hostname', 'bad.test'), 'hostname mismatch')
  t.equal(verify(root, { ...good, issuersPem: '' }), 'unable to get local issuer certificate')
  t.ok(good.cert.checkPrivateKey(createPrivateKey(good.keyPem)), 'the key belongs to it')

  const day = 86_400_000
  const old = { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) }
  const future = { notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 2 * day) }
  t.equal(verify(root, await root.issue({ cn: 'a.test', ...old })), 'certificate has expired')
  t.equal(verify(root, await root.issue({ cn: 'a.test', ...future })), 'certificate is not yet valid')
  t.match(verify(root, await makeSelfSigned({ cn: 'a.test' })), 'self-signed certificate')
  t.match(
    verify(root, await root.issue({ cn: 'a.test', eku: ['clientAuth'] })),
    /unsuitable certificate purpose/,
  )

  const level = ['-auth_level', '2']
  t.match(verify(root, await root.issue({ cn: 'a.test', keyType: 'rsa-1024' }), ...level), /key too weak/)
  t.match(
    verify(root, await issuing.issue({ cn: 'a.test', hash: 'sha1' }), ...level),
    /digest algorithm too weak/,
  )
  t.equal(verify(root, await root.issue({ cn: 'a.test', keyType: 'rsa-2048' }), ...level), 'OK')
  const rsa = await makeAuthority({ name: 'RSA', parent: root, keyType: 'rsa-2048' })
  t.equal(verify(root, await rsa.issue({ cn: 'a.test' }), ...level), 'OK')
  t.match(
    verify(root, await rsa.issue({ cn: 'a.test', hash: 'sha1' }), ...level),
    /digest algorithm too weak/,
    'whatever the key of its issuer',
  )
})

test('an authority can have two certificates', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const other = await makeAuthority({ name: 'Other root' })
  const issuing = await makeAuthority({ name: 'Twin', parent: root })
  const twin = await makeAuthority({ name: 'Twin', parent: other, twinOf: issuing })
  const leaf = await issuing.issue({ cn: 'a.test' })
  const across = { ...leaf, issuersPem: twin.certPem }
  t.equal(verify(root, leaf), 'OK')
  t.equal(verify(other, across), 'OK', 'what one has issued, the other has')
  t.equal(verify(root, across), 'unable to get local issuer certificate', 'its root is the other')
})

test('authorities have limits', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const narrow = await makeAuthority({
    name: 'Narrow',
    parent: root,
    nameConstraints: { permitted: ['inside.test', '10.0.0.0/8'], excluded: ['not.inside.test'] },
  })
  t.equal(verify(root, await narrow.issue({ cn: 'x', sans: ['a.inside.test', '10.1.2.3'] })), 'OK')
  t.equal(
    verify(root, await narrow.issue({ cn: 'y', sans: ['outside.test'] })),
    'permitted subtree violation',
  )
  t.equal(verify(root, await narrow.issue({ cn: 'y', sans: ['11.1.2.3'] })), 'permitted subtree violation')
  t.equal(
    verify(root, await narrow.issue({ cn: 'z', sans: ['not.inside.test'] })),
    'excluded subtree violation',
  )

  const short = await makeAuthority({ name: 'Short', parent: root, pathLen: 0 })
  const below = await makeAuthority({ name: 'Below', parent: short })
  t.match(verify(root, await below.issue({ cn: 'a.test' })), /path length constraint exceeded/)

  const pretender = await makeAuthority({ name: 'Pretender', parent: root, ca: false })
  t.match(verify(root, await pretender.issue({ cn: 'a.test' })), /invalid CA certificate/)
})

test('subjects and names are written as asked', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const full = await root.issue({ subject: 'CN=www.test, O=Google, C=US', sans: ['bücher.test'] })
  t.equal(full.cert.subject, 'CN=www.test\nO=Google\nC=US')
  t.equal(full.cert.subjectAltName, 'DNS:xn--bcher-kva.test', 'a name outside ASCII is an A-label')
  t.equal(await makeAuthority({ name: 'Root' }), root, 'the same question gets the same authority')
  t.not(
    (await root.issue({ cn: 'a', serial: '01' })).certPem,
    (await root.issue({ cn: 'a', serial: '02' })).certPem,
  )
})
