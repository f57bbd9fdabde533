import { testCorpus } from '../../../kit/chain-corpus.js'

testCorpus('bssl', [
  {
    why: 'the dates of a trust anchor count',
    says: 'reject',
    cases: ['bssl expired-root/not-after.test', 'bssl expired-root/not-before.test'],
  },
  {
    why: 'what a trust anchor says about itself counts: usage, authority, path length',
    says: 'reject',
    cases: [
      'bssl root-basic-constraints-ca-false/main.test',
      'bssl root-eku-clientauth/serverauth-ta-with-expiration.test',
      'bssl root-eku-clientauth/serverauth.test',
      'bssl root-lacks-keycertsign-key-usage/main.test',
      'bssl violates-pathlen-1-from-root/main.test',
    ],
  },
  {
    why: 'anyExtendedKeyUsage does not stand for serverAuth',
    says: 'reject',
    cases: [
      'bssl intermediate-eku-any-and-clientauth/serverauth.test',
      'bssl target-eku-any/serverauth.test',
    ],
  },
  {
    why: 'the key usage of the leaf is none for a TLS server',
    says: 'reject',
    cases: [
      'bssl target-not-end-entity/main.test',
      'bssl target-serverauth-various-keyusages/ec-decipherOnly.test',
      'bssl target-serverauth-various-keyusages/rsa-decipherOnly.test',
    ],
  },
  {
    why: 'RSA of 1024 bits, or SHA-1: below security level 2',
    says: 'reject',
    cases: [
      'bssl issuer-and-subject-not-byte-for-byte-equal/anchor.test',
      'bssl issuer-and-subject-not-byte-for-byte-equal/target.test',
    ],
  },
  {
    why: 'more names and constraints than OpenSSL compares',
    says: 'reject',
    cases: ['bssl many-names/ok-all-types.test'],
  },
  {
    why: 'a critical extension that OpenSSL does not know',
    says: 'reject',
    cases: ['bssl target-msapplicationpolicies-and-eku/main.test'],
  },
  {
    why: 'policies are not evaluated, nor what qualifies them',
    says: 'accept',
    cases: ['bssl unknown-critical-policy-qualifier/main.test'],
  },
])
