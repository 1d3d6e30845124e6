export const CATEGORIES = {
  counter: 'The counter',
  wardrobe: 'The wardrobe',
  care: 'Coat care',
  leftbehind: 'Left behind',
} as const

export type Category = keyof typeof CATEGORIES

export interface Product {
  readonly sku: string
  readonly category: Category
  readonly name: string
  /** One sentence, for the card. */
  readonly text: string
  /** For the product's own page. */
  readonly story: string
  /** What the picture shows, for who does not see it. */
  readonly picture: string
  /** In euro cents. */
  readonly price: number
}

export const PRODUCTS: readonly Product[] = [
  {
    sku: 'peg',
    category: 'wardrobe',
    name: 'Brass coat peg',
    text: 'Holds one coat, forever.',
    story:
      'Cast in one piece, polished by a hundred years of sleeves. Two screws, no squeak. It never asks whose coat it is: that is the ticket’s business.',
    picture: 'A polished brass double hook on a round wall plate',
    price: 1_290,
  },
  {
    sku: 'ticket',
    category: 'counter',
    name: 'Roll of tickets',
    text: 'Five hundred numbers that say nothing.',
    story:
      'Nothing on a ticket tells what hangs behind the counter, or whose it is. That is why losing one is a nuisance and never a scandal. Perforated by hand, more or less straight.',
    picture: 'A roll of cream paper tickets with one torn half off',
    price: 690,
  },
  {
    sku: 'bell',
    category: 'counter',
    name: 'Counter bell',
    text: 'One ring, one attendant.',
    story:
      'However often you press it in your impatience, one attendant comes, once. A good bell does not order twice. Bright nickel dome on a walnut foot.',
    picture: 'A shining counter bell on a dark wooden base',
    price: 2_450,
  },
  {
    sku: 'hanger',
    category: 'wardrobe',
    name: 'Cedar hanger',
    text: 'Keeps its shape, and so does the coat.',
    story:
      'Red cedar with shoulders as broad as a baritone’s. Moths find the smell in poor taste. The hook turns, so the coat may face the room.',
    picture: 'A broad wooden coat hanger with a brass hook',
    price: 990,
  },
  {
    sku: 'umbrella',
    category: 'leftbehind',
    name: 'Black umbrella',
    text: 'The one thing everybody leaves behind.',
    story:
      'Eight ribs, a cane handle, and an excellent chance of being found again, since its number is kept where you cannot lose it. Opens with a sound like applause.',
    picture: 'An open black umbrella with a curved cane handle',
    price: 3_900,
  },
  {
    sku: 'scarf',
    category: 'leftbehind',
    name: 'Wool scarf',
    text: 'Goes into the sleeve.',
    story:
      'Lambswool in stripes of oxblood and cream, long enough for a second act. Push it into the sleeve before you hand the coat over; attendants love you for it.',
    picture: 'A folded striped scarf with fringes',
    price: 2_900,
  },
  {
    sku: 'hatbox',
    category: 'wardrobe',
    name: 'Hat box',
    text: 'A house for one hat.',
    story:
      'Round, striped, lidded and tied. It has carried toppers, boaters, one cake and, for a week in 1927, a tortoise. Lined with tissue.',
    picture: 'A round striped hat box tied with a ribbon',
    price: 4_200,
  },
  {
    sku: 'gloves',
    category: 'leftbehind',
    name: 'Evening gloves',
    text: 'Sold in pairs, found in halves.',
    story:
      'Kidskin the colour of cream, three stitched points on the back, one pearl button. We have eleven left ones in the drawer if you should need a spare.',
    picture: 'A pair of cream leather gloves lying crossed',
    price: 5_400,
  },
  {
    sku: 'brush',
    category: 'care',
    name: 'Garment brush',
    text: 'Takes the evening off a coat.',
    story:
      'Boar bristle set in pear wood. Brush down, never up, and the velvet collar last. One stroke removes confetti, three remove an uncle.',
    picture: 'A wooden clothes brush with dense bristles',
    price: 1_850,
  },
  {
    sku: 'lantern',
    category: 'counter',
    name: 'Cloakroom lantern',
    text: 'For finding number 212 after midnight.',
    story:
      'Brass, four panes, a flame that stays where it is put. Hung at the end of the third row, where the fur coats whisper.',
    picture: 'A glowing brass lantern with a ring handle',
    price: 6_800,
  },
  {
    sku: 'cedarballs',
    category: 'care',
    name: 'Cedar balls',
    text: 'Six polite words to a moth.',
    story:
      'Turned from what is left when hangers are made. Lay them in pockets and drawers, sand them once a year, and they start talking again.',
    picture: 'A small linen bag with turned cedar balls beside it',
    price: 850,
  },
  {
    sku: 'shoehorn',
    category: 'care',
    name: 'Long shoehorn',
    text: 'Dignity, at arm’s length.',
    story:
      'Horn and silver, long enough that nobody has to bow. Hangs by its own leather loop, on a peg of ours for preference.',
    picture: 'A long curved shoehorn with a leather loop',
    price: 2_250,
  },
]

const bySku = new Map(PRODUCTS.map((product) => [product.sku, product]))

export function findProduct(sku: unknown): Product | undefined {
  return typeof sku === 'string' ? bySku.get(sku) : undefined
}

export function isCategory(value: unknown): value is Category {
  return typeof value === 'string' && Object.hasOwn(CATEGORIES, value)
}

/** Products of a category (`null`: of all) in whose words every word of the search occurs. */
export function searchProducts(category: Category | null, words: string): readonly Product[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  return PRODUCTS.filter((product) => {
    if (category !== null && product.category !== category) return false
    const text = [product.name, product.text, product.story, CATEGORIES[product.category]]
      .join(' ')
      .toLowerCase()
    return wanted.every((word) => text.includes(word))
  })
}
