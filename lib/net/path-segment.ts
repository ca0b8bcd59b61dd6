// Escapes an id or name so that it stays one segment of the path of an HTTP request.
import { ClipError } from '../errors';

/**
 * Escapes separators and everything else that a URL gives a meaning. Dot segments cannot be escaped: URL parsers resolve
 * `%2e%2e` as they do `..` (https://url.spec.whatwg.org/#double-dot-url-path-segment), and servers that decode `%2F` first
 * resolve `..%2F`, too.
 * @param name what messages call the value
 * @throws EINVALID for what no id can be: nothing, dot segments, half characters
 */
export function pathSegment(value: string, name: string): string {
  const parts = value.split(/[/\\]/);
  if (value === '' || parts.includes('.') || parts.includes('..') || /\p{Surrogate}/u.test(value)) {
    throw new ClipError('EINVALID', `${name} cannot be ${JSON.stringify(value.slice(0, 80))}`);
  }
  return encodeURIComponent(value);
}
