/**
 * Decoders recognised by what they do. A function that only computes, takes strings and twice gave exactly what one of
 * these well-known transformations gives is taken to be it, and its later calls cost one step instead of
 * thousands: rotating a string table under RC4 is otherwise millions of steps.
 */

type Decoder = (args: readonly string[]) => string | undefined;

const SWAPPED = (text: string): string =>
  text.replace(/[A-Za-z]/g, (c) => (c < 'a' ? c.toLowerCase() : c.toUpperCase()));

function utf8(text: string): string | undefined {
  const data = Buffer.from(text, 'base64');
  const decoded = data.toString('utf8');
  // The original throws on what is not UTF-8; that is left to the walk.
  return decoded.includes('\ufffd') ? undefined : decoded;
}

/** RC4 over the characters of a string, as string-array encoders write it. */
function rc4(text: string | undefined, key: string | undefined): string | undefined {
  if (text === undefined || key === undefined || key === '') return undefined;
  const box = Array.from({ length: 256 }, (_, i) => i);
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + box[i]! + key.charCodeAt(i % key.length)) % 256;
    [box[i], box[j]] = [box[j]!, box[i]!];
  }
  let out = '';
  for (let k = 0, i = 0, j = 0; k < text.length; k++) {
    i = (i + 1) % 256;
    j = (j + box[i]!) % 256;
    [box[i], box[j]] = [box[j]!, box[i]!];
    out += String.fromCharCode(text.charCodeAt(k) ^ box[(box[i]! + box[j]!) % 256]!);
  }
  return out;
}

const DECODERS: readonly Decoder[] = [
  ([text]) => (text === undefined ? undefined : utf8(SWAPPED(text))),
  ([text]) => (text === undefined ? undefined : utf8(text)),
  ([text, key]) => (text === undefined ? undefined : rc4(utf8(SWAPPED(text)), key)),
  ([text, key]) => (text === undefined ? undefined : rc4(utf8(text), key)),
  ([text, key]) => rc4(text, key),
];

/** Times a transformation must agree before it stands for the function. */
const AGREEMENTS = 2;

export class DecoderGuess {
  #agreed = DECODERS.map(() => 0);
  #calls = 0;
  #chosen: Decoder | undefined;

  /** Takes note of one call that was walked. */
  learn(args: readonly string[], result: string): void {
    // What does not agree from the start never will.
    if (this.#chosen !== undefined || this.#calls > 2 * AGREEMENTS || result.length < 3) return;
    this.#calls++;
    for (const [i, decoder] of DECODERS.entries()) {
      if (decoder(args) !== result) continue;
      this.#agreed[i]!++;
      if (this.#agreed[i]! >= AGREEMENTS && this.#agreed[i] === this.#calls) this.#chosen = decoder;
    }
  }

  /** The result without a walk, when the function is known. */
  apply(args: readonly string[]): string | undefined {
    return this.#chosen?.(args);
  }
}
