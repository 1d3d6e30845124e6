/** Who looks at the page, and what is in the cart. */
interface Visitor {
  readonly name: string | null
  readonly cart: readonly string[]
}

export function homePage({ name, cart }: Visitor): string {
  const items = cart.map((item) => `<li>${escapeHtml(item)}</li>`).join('')
  return page(
    'Shop',
    `<p>${name === null ? 'You are not signed in. <a href="/login">Log in</a>' : `Signed in as ${escapeHtml(name)}. <a href="/account">Account</a>`}</p>
    <h2>Cart</h2>
    <ul>${items}</ul>
    <form method="post" action="/cart">
      <label>Item <input name="item" required maxlength="100"></label> <button>Add</button>
    </form>
    ${name === null ? '' : '<form method="post" action="/logout"><button>Log out</button></form>'}`,
  )
}

export function loginPage(returnTo: string, problem = ''): string {
  return page(
    'Log in',
    `<p role="alert">${escapeHtml(problem)}</p>
    <form method="post" action="/login">
      <input type="hidden" name="return" value="${escapeHtml(returnTo)}">
      <p><label>Name <input name="name" autocomplete="username" required></label></p>
      <p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
      <button>Log in</button>
    </form>`,
  )
}

export function accountPage(name: string | null): string {
  return page('Account', `<p>Only ${escapeHtml(name ?? '')} sees this.</p><p><a href="/">Shop</a></p>`)
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>${title}</title></head>
  <body>
    <h1>${title}</h1>
    ${content}
  </body>
</html>`
}

/** Stands between data and markup, whatever the data. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
