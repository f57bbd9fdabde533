import { testCorpus } from '../../../kit/chain-corpus.js'

testCorpus('pkits', [
  {
    why: 'DSA keys of 1024 bits: below security level 2',
    says: 'reject',
    cases: [
      'pkits 4.1.4 Section1ValidDSASignaturesTest4',
      'pkits 4.1.5 Section1ValidDSAParameterInheritanceTest5',
    ],
  },
  {
    why: 'the list is signed by another key of the authority, which OpenSSL does not look for',
    says: 'reject',
    cases: [
      'pkits 4.4.19 Section4ValidSeparateCertificateandCRLKeysTest19',
      'pkits 4.5.4 Section5ValidBasicSelfIssuedNewWithOldTest4',
      'pkits 4.5.6 Section5ValidBasicSelfIssuedCRLSigningKeyTest6',
    ],
  },
  {
    why: 'lists that cover some reasons are not taken',
    says: 'reject',
    cases: [
      'pkits 4.14.18 Section14ValidonlySomeReasonsTest18',
      'pkits 4.14.19 Section14ValidonlySomeReasonsTest19',
    ],
  },
  {
    why: 'indirect lists are not taken',
    says: 'reject',
    cases: [
      'pkits 4.14.22 Section14ValidIDPwithindirectCRLTest22',
      'pkits 4.14.24 Section14ValidIDPwithindirectCRLTest24',
      'pkits 4.14.25 Section14ValidIDPwithindirectCRLTest25',
      'pkits 4.14.28 Section14ValidcRLIssuerTest28',
      'pkits 4.14.29 Section14ValidcRLIssuerTest29',
      'pkits 4.14.30 Section14ValidcRLIssuerTest30',
      'pkits 4.14.33 Section14ValidcRLIssuerTest33',
    ],
  },
  {
    why: 'delta lists are refused when they are loaded: OpenSSL 3.0 takes them for complete ones, 3.5 passes them over',
    says: 'reject',
    cases: [
      'pkits 4.15.2 Section15ValiddeltaCRLTest2',
      'pkits 4.15.5 Section15ValiddeltaCRLTest5',
      'pkits 4.15.7 Section15ValiddeltaCRLTest7',
      'pkits 4.15.8 Section15ValiddeltaCRLTest8',
    ],
  },
])
