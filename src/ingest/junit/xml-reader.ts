/**
 * Reads XML as runners really write it: strict about structure, lenient about characters.
 *
 * - Characters that XML forbids (ANSI colours, raw program output), references to them, and `]]>`
 *   in text are accepted, with one warning that counts them.
 * - A file that is cut, crossed tags, a second document, a raw `&` or `<` and everything else that
 *   is not well formed is damage.
 * - A DTD is skipped. Entities that it declares stay unknown, so nothing expands and nothing is
 *   fetched: a reference to one is damage.
 * - Depth, attributes and the length of names and texts are bounded; a longer text is shortened, with a warning.
 */
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import type { FormatSink } from '../execution.ts';
import { ReportDamage } from '../report.ts';

export interface XmlHandler {
  /** `name` has no namespace prefix. */
  open(name: string, attributes: Readonly<Record<string, string>>, line: number): void;
  close(name: string): void;
  /** Receives text and CDATA in pieces. */
  text(piece: string): void;
}

/** Deeper than any runner nests. */
const MAX_DEPTH = 200;
/** The limit of characters in one text, attribute or name. */
const MAX_TEXT = 1024 * 1024;

/** The limits on the attributes of one element, which the parser holds until its tag ends. */
const MAX_ATTRIBUTES = 10_000;
const MAX_ATTRIBUTES_TEXT = 16 * MAX_TEXT;

/** The characters that XML 1.0 forbids, except lone surrogates, which decoding has replaced. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

const DECLARATION = '<?xml';
/** How much white space may come before it. */
const MAX_START = 64 * 1024;

const UNDEFINED_ENTITY = 'undefined entity';
const OUTSIDE_TEXT = 'text data outside of root node';
/** The limit of characters between `&` and `;`. */
const MAX_ENTITY = 100;

const CHARACTER_REFERENCE = /^#(?:\d+|x[\da-f]+)$/i;

/** The inside of the parser. It lets its buffers grow without a limit. */
interface InProgress {
  text: string;
  readonly name: string;
  /** The text after an `&`. */
  readonly entity: string;
  /** Called with what is between `&` and `;`, whatever that is. */
  parseEntity(entity: string): string;
  isName(text: string): boolean;
  /** The position in the chunk. */
  i: number;
  line: number;
  skipSpaces(): void;
  handleTextOutsideRoot(): void;
}

export class XmlReader {
  readonly #handler: XmlHandler;
  readonly #sink: FormatSink;
  readonly #parser: SaxesParser;
  readonly #toleratedTimes = new Map<string, { readonly line: number; count: number }>();
  #attributes = 0;
  #attributesText = 0;
  #depth = 0;
  /** The line that the next chunk begins in. */
  #line = 1;
  #endsInReturn = false;
  #hasBegun = false;
  /** What came before it is known whether the text begins with a declaration. */
  #start = '';
  /** Where the text outside of the root that is being read begins, in the parser's chunk. */
  #outside: { readonly i: number; readonly line: number } | undefined;

  constructor(handler: XmlHandler, sink: FormatSink) {
    this.#handler = handler;
    this.#sink = sink;
    this.#parser = new SaxesParser({ position: true });
    this.#parser.on('opentag', (tag) => this.#open(tag));
    this.#parser.on('attribute', (attribute) => this.#countAttribute(attribute));
    this.#parser.on('closetag', ({ name }) => this.#close(name));
    this.#parser.on('text', (text) => handler.text(text));
    this.#parser.on('cdata', (text) => handler.text(text));
    this.#parser.on('error', (error) => this.#fail(error));
    this.#checkReferences();
    this.#noteOutsideText();
  }

  push(chunk: string): void {
    if (this.#hasBegun) this.#write(chunk);
    else {
      this.#start += chunk;
      if (this.#start.length > MAX_START || this.#start.trimStart().length >= DECLARATION.length) {
        this.#begin();
      }
    }
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#write(this.#withoutLeadingSpace(this.#start));
    this.#start = '';
  }

  #write(text: string): void {
    this.#parser.write(this.#withoutForbidden(text));
    this.#bound();
    this.#line = this.#lineAfter(text);
    this.#endsInReturn = text.endsWith('\r');
  }

  /** The parser is not as far yet, if it has seen a carriage return that a line feed may follow. */
  #lineAfter(text: string): number {
    const isWithinBreak = this.#endsInReturn && text.startsWith('\n');
    return this.#line + lineBreaksIn(text) - (isWithinBreak ? 1 : 0);
  }

  /** Throws ReportDamage unless the document is complete. */
  end(): void {
    if (!this.#hasBegun) this.#begin();
    this.#parser.close();
    // Forbidden characters are found in a whole chunk before it is parsed.
    const byLine = [...this.#toleratedTimes].sort(
      ([whatA, a], [whatB, b]) => a.line - b.line || (whatA < whatB ? -1 : 1),
    );
    for (const [what, { line, count }] of byLine) {
      this.#sink.warning(line, count === 1 ? what : `${what} (${count} times, first here)`);
    }
  }

  #countAttribute({ name, value }: { readonly name: string; readonly value: string }): void {
    this.#attributes += 1;
    this.#attributesText += name.length + value.length;
    if (this.#attributes > MAX_ATTRIBUTES || this.#attributesText > MAX_ATTRIBUTES_TEXT) {
      throw this.#damage('an element has more attributes than any runner writes');
    }
  }

  #open({ name, attributes }: SaxesTagPlain): void {
    this.#attributes = 0;
    this.#attributesText = 0;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#damage(`elements nest deeper than ${MAX_DEPTH}`);
    this.#handler.open(localName(name), attributes, this.#parser.line);
  }

  #close(name: string): void {
    this.#depth -= 1;
    this.#handler.close(localName(name));
  }

  /** An XML declaration must come first, and some tools write a line before it. */
  #withoutLeadingSpace(chunk: string): string {
    const text = chunk.trimStart();
    if (text !== chunk && text.startsWith(DECLARATION)) {
      this.#tolerate('white space before the XML declaration');
    }
    return text.startsWith(DECLARATION) ? text : chunk;
  }

  #withoutForbidden(chunk: string): string {
    const first = chunk.search(FORBIDDEN);
    if (first < 0) return chunk;
    const line = this.#lineAfter(chunk.slice(0, first));
    return chunk.replaceAll(FORBIDDEN, () => {
      this.#tolerate('a character that XML forbids was replaced', line);
      return '\ufffd';
    });
  }

  /** The parser would take all text up to the next `;` for a reference, the tags in it included. */
  #checkReferences(): void {
    const inProgress = this.#inProgress;
    const parseEntity = inProgress.parseEntity.bind(this.#parser);
    inProgress.parseEntity = (entity) => {
      const isReference = CHARACTER_REFERENCE.test(entity) || inProgress.isName(entity);
      if (!isReference || entity.length > MAX_ENTITY) throw this.#rawAmpersand(entity);
      return parseEntity(entity);
    };
  }

  #noteOutsideText(): void {
    const inProgress = this.#inProgress;
    const read = inProgress.handleTextOutsideRoot.bind(this.#parser);
    inProgress.handleTextOutsideRoot = () => {
      this.#outside = { i: inProgress.i, line: inProgress.line };
      read();
      this.#outside = undefined;
    };
  }

  /**
   * The parser fails at the end of the text or of the chunk, so it goes back to what is no white space. At
   * CDATA, it fails where that begins.
   */
  #outsideText(cause: Error): ReportDamage {
    if (this.#outside) {
      Object.assign(this.#inProgress, this.#outside);
      this.#inProgress.skipSpaces();
    }
    return this.#damage(OUTSIDE_TEXT, cause);
  }

  #bound(): void {
    const inProgress = this.#inProgress;
    const { entity } = inProgress;
    if (entity.length > MAX_ENTITY) throw this.#rawAmpersand(entity);
    if (inProgress.name.length > MAX_TEXT) throw this.#damage('a name without an end');
    if (inProgress.text.length <= MAX_TEXT) return;
    inProgress.text = inProgress.text.slice(0, MAX_TEXT / 2);
    this.#tolerate(`a text is longer than ${MAX_TEXT} characters and was shortened`);
  }

  #fail(error: Error): void {
    const reason = error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '');
    if (reason === 'malformed character entity') {
      this.#tolerate('a reference to a character that XML forbids');
    } else if (reason.startsWith('the string "]]>"')) {
      this.#tolerate('"]]>" in text');
    } else if (reason === OUTSIDE_TEXT) {
      throw this.#outsideText(error);
    } else if (reason !== UNDEFINED_ENTITY && this.#inProgress.entity !== '') {
      throw this.#rawAmpersand(this.#inProgress.entity);
    } else {
      throw this.#damage(inOurWords(reason), error);
    }
  }

  get #inProgress(): InProgress {
    return this.#parser as unknown as InProgress;
  }

  #rawAmpersand(entity: string): ReportDamage {
    const line = this.#parser.line - (entity.split('\n').length - 1);
    return this.#damage(
      `an "&" begins no reference: ${JSON.stringify(entity.slice(0, 20))} follows`,
      undefined,
      line,
    );
  }

  #tolerate(what: string, line = this.#parser.line): void {
    const times = this.#toleratedTimes.get(what);
    if (times) times.count += 1;
    else this.#toleratedTimes.set(what, { line, count: 1 });
  }

  #damage(reason: string, cause?: Error, line = this.#parser.line): ReportDamage {
    return new ReportDamage(line, `the XML is not well formed: ${reason}`, { cause });
  }
}

/** Counts those of XML 1.0: line feeds, and carriage returns without one. */
function lineBreaksIn(text: string): number {
  let breaks = text.includes('\r') ? (text.match(/\r(?!\n)/g)?.length ?? 0) : 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) breaks += 1;
  return breaks;
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function inOurWords(reason: string): string {
  const unclosed = /^unclosed tag: (.*)$/.exec(reason)?.[1];
  if (unclosed !== undefined) return `the file ends inside of <${unclosed}>: it was cut`;
  if (reason === UNDEFINED_ENTITY) return 'an entity that is not one of the five of XML';
  if (/^(documents may contain only one root|an XML declaration must be)/.test(reason)) {
    return 'a second document follows';
  }
  return reason;
}
