import { test } from 'tap'
import { CertificateChoice } from '../../../../core/tls/inbound/certificate-choice.js'

const choice = new CertificateChoice([
  { value: 'address', names: ['one.example'], destIp: '10.0.0.1' },
  { value: 'wild', names: ['*.example'], destIp: undefined },
  { value: 'exact', names: ['a.example', 'one.example'], destIp: undefined },
])

test('the certificate for a client follows its SNI', async t => {
  t.equal(choice.choose('a.example', '10.0.0.1'), 'exact', 'the exact name first')
  t.equal(choice.choose('A.Example.', '::1'), 'exact', 'in any case')
  t.equal(choice.choose('b.example', '10.0.0.1'), 'wild', 'then the wildcard')
  t.equal(choice.choose('b.a.example', '::1'), 'wild', 'which stands for one label, so this is the fallback')
  t.equal(choice.choose('b.a.example', '10.0.0.1'), 'address', 'then the address')
  t.equal(choice.choose(undefined, '::ffff:10.0.0.1'), 'address')
  t.equal(choice.choose('one.example', '::1'), 'address', 'the first of equals')
  t.equal(choice.choose('localhost', '::1'), 'wild', 'else the first for every address')
  const only = new CertificateChoice([{ value: 'only', names: [], destIp: '10.0.0.1' }])
  t.equal(only.choose(undefined, '::1'), 'only', 'else the first of all')
})
