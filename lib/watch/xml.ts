/** As much XML as PyPI's changelog (XML-RPC) and RSS feeds are made of. Linear in the text; no entities but the five. */

type Rpc = string | number | null | readonly Rpc[];

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

const DEEPEST = 8;

/** The value a method response holds. Throws `Error` on a fault and on what is no response. */
export function parseRpc(document: string): Rpc {
  const stack: Rpc[][] = [[]];
  let text = '';
  for (const [, closing, tag, chars] of document.matchAll(/<(\/?)([\w.:]+)[^<>]*>|([^<]+)/g)) {
    if (chars !== undefined) text += chars;
    else if (tag === 'fault') throw new Error('the server answered with a fault');
    else if (closing === '') {
      text = '';
      if (tag === 'data') stack.push([]);
      if (stack.length > DEEPEST) throw new Error('nested too deep');
      // `<nil/>` has no end tag.
      if (tag === 'nil') stack.at(-1)!.push(null);
    } else if (tag === 'data') {
      const list = stack.pop();
      if (list === undefined || stack.length === 0) throw new Error('not a method response');
      stack.at(-1)!.push(list);
    } else if (tag === 'string') stack.at(-1)!.push(unescapeXml(text));
    else if (tag === 'int' || tag === 'i4' || tag === 'i8') {
      if (!/^\s*-?\d{1,15}\s*$/.test(text)) throw new Error('not a number');
      stack.at(-1)!.push(Number(text));
    }
  }
  if (stack.length !== 1 || stack[0]!.length !== 1) throw new Error('not a method response');
  return stack[0]![0]!;
}

/** Addresses of the releases an RSS feed lists. */
export function rssLinks(document: string): string[] {
  const [, ...items] = document.split('<item>');
  return items.flatMap((item) => {
    const start = item.indexOf('<link>');
    const end = item.indexOf('</link>', start);
    return start === -1 || end === -1 ? [] : [unescapeXml(item.slice(start + '<link>'.length, end).trim())];
  });
}
