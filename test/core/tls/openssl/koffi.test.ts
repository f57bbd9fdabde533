import { test } from 'tap'
import { findKoffi, koffi } from '../../../../core/tls/openssl/koffi.js'

test('koffi is the binary of this platform, without the package that has an install script', async t => {
  t.equal(findKoffi([`@koromix/koffi-${process.platform}-${process.arch}`]), koffi)
  t.ok(koffi.load(null).func('unsigned long OpenSSL_version_num()')() >= 0x30000020, 'which finds OpenSSL')
})

test('a platform without a binary takes the one that was built from source', async t => {
  const source = findKoffi(['@koromix/koffi-plan9-mips', 'koffi'])
  t.equal(source.version, koffi.version)
})

test('without koffi the error says what is missing, and what to do', async t => {
  t.throws(() => findKoffi(['@koromix/koffi-plan9-mips', 'no-koffi-here']), {
    code: 'PTC_OPENSSL_MISSING',
    message: /koffi-plan9-mips.*no-koffi-here.*optional dependencies.*npm install koffi/,
  })
})
