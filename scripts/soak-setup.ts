import fc from 'fast-check'

// Every property of a long run starts from the seed that `npm run soak` printed.
fc.configureGlobal({ seed: Number(process.env.COATCHECK_SEED) })
