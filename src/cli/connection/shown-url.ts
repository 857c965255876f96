/** Returns a server's URL as messages show it: without a user's name and password. */
export function shownUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.username === '' && url.password === '')) return text;
  url.username = '';
  url.password = '';
  return url.href.replace(/(?<!\/)\/+$/, '');
}
