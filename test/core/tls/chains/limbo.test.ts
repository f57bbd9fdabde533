import { testCorpus } from '../../../kit/chain-corpus.js'

testCorpus('limbo', [
  {
    why: 'OpenSSL takes the second in which a certificate ends for too late',
    says: 'reject',
    cases: ['rfc5280::validity::notafter-exact', 'rfc5280::validity::notafter-fractional'],
  },
  {
    why: 'the key usage of the leaf has only keyCertSign, which is none for a TLS server',
    says: 'reject',
    cases: ['pathlen::validation-ignores-pathlen-in-leaf', 'rfc5280::ca-as-leaf'],
  },
  {
    why: 'a duty of authorities: fields that help to build a path, and decide nothing',
    says: 'accept',
    cases: [
      'rfc5280::aki::leaf-missing-aki',
      'rfc5280::aki::intermediate-missing-aki',
      'rfc5280::aki::cross-signed-root-missing-aki',
      'rfc5280::ski::root-missing-ski',
      'rfc5280::ski::intermediate-missing-ski',
      'webpki::aki::root-with-aki-missing-keyidentifier',
      'webpki::malformed-aia',
    ],
  },
  {
    why: 'a duty of authorities: whether an extension is marked critical that is obeyed anyway, or is about policies',
    says: 'accept',
    cases: [
      'rfc5280::nc::permitted-dns-match-noncritical',
      'rfc5280::pc::ica-noncritical-pc',
      'rfc5280::san::noncritical-with-empty-subject',
      'rfc5280::root-non-critical-basic-constraints',
      'webpki::eku::ee-critical-eku',
      'webpki::san::san-critical-with-nonempty-subject',
    ],
  },
  {
    why: 'a duty of authorities: numbers',
    says: 'accept',
    cases: [
      'rfc5280::serial::too-long',
      'rfc5280::serial::zero',
      'crl::crlnumber-missing',
      'webpki::forbidden-rsa-not-divisible-by-8-in-root',
      'webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf',
    ],
  },
  {
    why: 'the subject is not looked at; the name asked for is among the alternative names',
    says: 'accept',
    cases: [
      'webpki::cn::ipv4-hex-mismatch',
      'webpki::cn::ipv4-leading-zeros-mismatch',
      'webpki::cn::ipv6-uppercase-mismatch',
      'webpki::cn::ipv6-uncompressed-mismatch',
      'webpki::cn::ipv6-non-rfc5952-mismatch',
      'webpki::cn::punycode-not-in-san',
      'webpki::cn::utf8-vs-punycode-mismatch',
      'webpki::cn::not-in-san',
      'webpki::cn::case-mismatch',
    ],
  },
  {
    why: 'constraints without an effect: in a leaf, empty, or with a period in front, which means the names below',
    says: 'accept',
    cases: [
      'rfc5280::nc::not-allowed-in-ee-noncritical',
      'rfc5280::nc::not-allowed-in-ee-critical',
      'rfc5280::nc::invalid-dnsname-leading-period',
      'webpki::nc::intermediate-permitted-excluded-subtrees-both-null',
      'webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences',
    ],
  },
  {
    why: 'a second alternative name that no host can have',
    says: 'accept',
    cases: ['rfc5280::nc::nc-permits-invalid-dns-san'],
  },
  {
    why: 'names with an underscore are in use, and compared as written',
    says: 'accept',
    cases: ['rfc5280::san::underscore-dns'],
  },
  {
    why: 'a trust anchor is trusted because the operator says so',
    says: 'accept',
    cases: ['rfc5280::root-missing-basic-constraints', 'webpki::eku::root-has-eku'],
  },
  {
    why: 'usages of a leaf beyond what it needs: it is for servers, and can sign no certificate',
    says: 'accept',
    cases: [
      'rfc5280::leaf-ku-keycertsign',
      'webpki::eku::ee-anyeku',
      'webpki::eku::ee-without-eku',
      'webpki::ee-basicconstraints-ca',
    ],
  },
  {
    why: 'there is no list of public suffixes in this program',
    says: 'accept',
    cases: [
      'webpki::san::public-suffix-multi-label-wildcard-san',
      'webpki::san::public-suffix-private-namespace-wildcard-san',
    ],
  },
  {
    why: 'DSA of 2048 bits and more is strong enough; a leaf of it can be in no handshake, because no cipher suite with it is offered',
    says: 'accept',
    cases: ['webpki::forbidden-dsa-root', 'webpki::forbidden-dsa-leaf'],
  },
])
