import { testCorpus, testOrders } from '../../../kit/chain-corpus.js'

testCorpus('bettertls', [])
testOrders('bettertls')
