interface FirstReview {
  readonly sku: string
  readonly guest: number
  readonly rating: number
  readonly text: string
  readonly daysAgo: number
}

/** What stands there at the first start. */
export const FIRST_REVIEWS: readonly FirstReview[] = [
  {
    sku: 'umbrella',
    guest: 112,
    rating: 5,
    daysAgo: 1,
    text: 'Left it behind twice. It was waiting both times.',
  },
  {
    sku: 'bell',
    guest: 87,
    rating: 4,
    daysAgo: 2,
    text: 'One ring, one attendant, as promised. My nephew tried eleven rings: one attendant.',
  },
  { sku: 'hatbox', guest: 204, rating: 5, daysAgo: 3, text: 'Fits one topper, or a very patient cat.' },
  { sku: 'gloves', guest: 31, rating: 3, daysAgo: 5, text: 'Beautiful. I have the left one still.' },
  {
    sku: 'scarf',
    guest: 112,
    rating: 5,
    daysAgo: 6,
    text: 'Goes into the sleeve without a word of protest, and comes out again after the encore.',
  },
  {
    sku: 'lantern',
    guest: 159,
    rating: 4,
    daysAgo: 8,
    text: 'Found number 212. Also found numbers 213 to 260, which nobody had asked for.',
  },
  { sku: 'peg', guest: 87, rating: 5, daysAgo: 9, text: 'Has not asked me once whose coat it is.' },
  {
    sku: 'brush',
    guest: 31,
    rating: 4,
    daysAgo: 12,
    text: 'Two strokes for confetti in my case. It was a lively evening.',
  },
  {
    sku: 'ticket',
    guest: 204,
    rating: 5,
    daysAgo: 14,
    text: 'Says nothing, which is exactly what I wanted it to say.',
  },
  {
    sku: 'shoehorn',
    guest: 159,
    rating: 2,
    daysAgo: 15,
    text: 'A fine horn, but so long that it needs a peg of its own.',
  },
  {
    sku: 'umbrella',
    guest: 31,
    rating: 4,
    daysAgo: 18,
    text: 'The applause when it opens is no exaggeration.',
  },
  {
    sku: 'cedarballs',
    guest: 112,
    rating: 4,
    daysAgo: 21,
    text: 'The moths have moved to my brother-in-law.',
  },
]
