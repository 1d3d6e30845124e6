/** Stands for the application's own accounts. */
export function checkPassword(user: string, password: string): boolean {
  return user === 'ada' && password === 'correct horse battery staple'
}
