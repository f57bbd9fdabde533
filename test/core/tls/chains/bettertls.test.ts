import { testCorpus } from '../../../kit/chain-corpus.js'

testCorpus('bettertls', [])
