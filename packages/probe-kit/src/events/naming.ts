// SPDX-License-Identifier: Apache-2.0
/** C names to TypeScript names. */

/** `hdr.start_ns` → `hdrStartNs`; a leading underscore is dropped. */
export function camelCase(name: string): string {
  return (/[a-z]/.test(name) ? name : name.toLowerCase()).replace(/^_+|_+$/g, '').replace(/[._]+([a-z0-9])/g, (_, next: string) => next.toUpperCase());
}

/** `http_role` → `HttpRole`. */
export function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** Members without the upper-case name of their enum, or else without the longest common prefix that ends in `_`; an only member has it with that name. */
export function withoutPrefix(enumName: string, members: readonly string[]): string[] {
  const own = `${enumName.toUpperCase()}_`;
  const prefix = members.every((member) => member.toUpperCase().startsWith(own) && member.length > own.length)
    ? own
    : commonPrefix(members.length === 1 ? [...members, own] : members);
  return members.map((member) => member.slice(prefix.length));
}

function commonPrefix(members: readonly string[]): string {
  const [first = '', ...others] = members;
  if (others.length === 0) return '';
  for (let end = first.length - 1; end > 0; end--) {
    const prefix = first.slice(0, end);
    if (prefix.endsWith('_') && others.every((member) => member.startsWith(prefix) && member.length > end)) return prefix;
  }
  return '';
}
