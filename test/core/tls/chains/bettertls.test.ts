import { testCorpus } from '../../../kit/chain-corpus.js'

testCorpus('bettertls', [
  {
    why: 'OpenSSL follows one issuer and does not turn back when the path fails',
    says: 'reject',
    cases: [
      'bettertls-path 18 TWO_ROOTS Root2->EE  []',
      "bettertls-path 25 TWO_ROOTS Root2->EE NAME_CONSTRAINTS [('Root1', 'ICA')]",
      "bettertls-path 26 TWO_ROOTS Root2->EE BAD_EKU [('Root1', 'ICA')]",
      "bettertls-path 27 TWO_ROOTS Root2->EE MISSING_BASIC_CONSTRAINTS [('Root1', 'ICA')]",
      "bettertls-path 28 TWO_ROOTS Root2->EE NOT_A_CA [('Root1', 'ICA')]",
      "bettertls-path 40 FIGURE_SEVEN Trust Anchor->EE EXPIRED [('Trust Anchor', 'C'), ('A', 'B')]",
      "bettertls-path 41 FIGURE_SEVEN Trust Anchor->EE NAME_CONSTRAINTS [('Trust Anchor', 'C'), ('A', 'B')]",
      "bettertls-path 42 FIGURE_SEVEN Trust Anchor->EE BAD_EKU [('Trust Anchor', 'C'), ('A', 'B')]",
      "bettertls-path 43 FIGURE_SEVEN Trust Anchor->EE MISSING_BASIC_CONSTRAINTS [('Trust Anchor', 'C'), ('A', 'B')]",
      "bettertls-path 44 FIGURE_SEVEN Trust Anchor->EE NOT_A_CA [('Trust Anchor', 'C'), ('A', 'B')]",
      "bettertls-path 45 FIGURE_SEVEN Trust Anchor->EE EXPIRED [('Trust Anchor', 'A'), ('C', 'B')]",
      "bettertls-path 46 FIGURE_SEVEN Trust Anchor->EE NAME_CONSTRAINTS [('Trust Anchor', 'A'), ('C', 'B')]",
      "bettertls-path 47 FIGURE_SEVEN Trust Anchor->EE BAD_EKU [('Trust Anchor', 'A'), ('C', 'B')]",
      "bettertls-path 48 FIGURE_SEVEN Trust Anchor->EE MISSING_BASIC_CONSTRAINTS [('Trust Anchor', 'A'), ('C', 'B')]",
      "bettertls-path 49 FIGURE_SEVEN Trust Anchor->EE NOT_A_CA [('Trust Anchor', 'A'), ('C', 'B')]",
      'bettertls-path 50 BRIDGE_CA_PKI TA Z->D  []',
      'bettertls-path 51 BRIDGE_CA_PKI TA Z->EE  []',
      "bettertls-path 53 BRIDGE_CA_PKI TA Z->EE NAME_CONSTRAINTS [('TA X', 'Bridge CA')]",
      "bettertls-path 54 BRIDGE_CA_PKI TA Z->EE BAD_EKU [('TA X', 'Bridge CA')]",
      "bettertls-path 55 BRIDGE_CA_PKI TA Z->EE MISSING_BASIC_CONSTRAINTS [('TA X', 'Bridge CA')]",
      "bettertls-path 56 BRIDGE_CA_PKI TA Z->EE NOT_A_CA [('TA X', 'Bridge CA')]",
    ],
  },
])
