/** INI files as Python's `configparser` reads them: sections, `=` or `:`, continuation lines by indentation. */

export interface IniValue {
  readonly value: string;
  readonly line: number;
}
export type Ini = ReadonlyMap<string, ReadonlyMap<string, IniValue>>;

export function parseIni(text: string): Ini {
  const sections = new Map<string, Map<string, IniValue>>();
  let section: Map<string, IniValue> | undefined;
  let key: string | undefined;
  let line = 0;
  for (const raw of text.split(/\r\n?|\n/)) {
    line++;
    if (/^\s*(?:[#;]|$)/.test(raw)) continue;
    if (/^\s/.test(raw) && key !== undefined && section !== undefined) {
      const before = section.get(key)!;
      section.set(key, { value: `${before.value}\n${raw.trim()}`, line: before.line });
      continue;
    }
    const header = /^\[([^\]]+)\]/.exec(raw);
    if (header !== null) {
      section = sections.get(header[1]!) ?? new Map();
      sections.set(header[1]!, section);
      key = undefined;
      continue;
    }
    const at = raw.search(/[=:]/);
    if (at === -1 || section === undefined) continue;
    key = raw.slice(0, at).trim().toLowerCase();
    section.set(key, { value: raw.slice(at + 1).trim(), line });
  }
  return sections;
}
