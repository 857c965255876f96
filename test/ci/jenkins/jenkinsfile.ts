/**
 * Reads a declarative Jenkinsfile as far as the recipe uses Groovy: blocks, calls with texts, assignments
 * of texts and of `credentials('…')`, comments, and `${env.NAME}` in texts. It does not know the rest of Groovy: whatever else
 * is there is an error. https://www.jenkins.io/doc/book/pipeline/syntax/
 */
import { unknown } from '../refuse.ts';

export interface Statement {
  readonly name: string;
  readonly args: readonly Text[];
  readonly block?: readonly Statement[];
  /** Set if the statement is an assignment. */
  readonly value?: Text | { readonly credentials: string };
}

export interface Text {
  readonly text: string;
  /** `${env.NAME}` in it is replaced. */
  readonly isTemplate: boolean;
}

const TOKEN = new RegExp(
  [
    String.raw`(?<space>[ \t]+|//[^\n]*)`,
    String.raw`(?<long>'''[\s\S]*?''')`,
    String.raw`(?<plain>'(?:[^'\\\n]|\\.)*')`,
    String.raw`(?<template>"(?:[^"\\\n]|\\.)*")`,
    String.raw`(?<word>[A-Za-z_]\w*)`,
    String.raw`(?<sign>[{}(),=;\n])`,
  ].join('|'),
  'y',
);

interface Token {
  readonly kind: 'text' | 'word' | 'sign';
  readonly text: string;
  readonly isTemplate: boolean;
}

export function parseJenkinsfile(text: string): Statement {
  const tokens = tokensOf(text);
  const reader = new Reader(tokens);
  const [pipeline, ...others] = reader.block(undefined);
  if (pipeline?.name !== 'pipeline' || others.length > 0) unknown('what is beside the pipeline');
  return pipeline as Statement;
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  block(end: '}' | undefined): Statement[] {
    const statements: Statement[] = [];
    for (;;) {
      while (this.#takes('\n') || this.#takes(';'));
      if (end === undefined ? this.#at >= this.#tokens.length : this.#takes(end)) return statements;
      statements.push(this.#statement());
    }
  }

  #statement(): Statement {
    const name = this.#take('word').text;
    if (this.#takes('=')) return { name, args: [], value: this.#value() };
    const isCall = this.#takes('(');
    const args = this.#texts();
    if (isCall && !this.#takes(')')) unknown(`what ${name}() is called with`);
    return { name, args, ...(this.#takes('{') ? { block: this.block('}') } : {}) };
  }

  #texts(): Text[] {
    // A bare word is as good as a text here: `agent none`.
    if (this.#peek()?.kind === 'word') return [{ ...this.#take('word'), isTemplate: false }];
    const texts: Text[] = [];
    while (this.#peek()?.kind === 'text') {
      texts.push(this.#take('text'));
      if (!this.#takes(',')) break;
    }
    return texts;
  }

  #value(): NonNullable<Statement['value']> {
    if (this.#peek()?.kind === 'text') return this.#take('text');
    const { args, name } = this.#statement();
    const [id] = args;
    return name === 'credentials' && id ? { credentials: id.text } : unknown(`the value ${name}`);
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #takes(sign: string): boolean {
    const token = this.#peek();
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#at += 1;
    return true;
  }

  #take(kind: Token['kind']): Token {
    const token = this.#peek();
    if (token?.kind !== kind) unknown(`${token?.text ?? 'the end'} where a ${kind} should be`);
    this.#at += 1;
    return token as Token;
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) return unknown(`Groovy as in ${text.slice(from, from + 40)}`);
    const { long, plain, sign, template, word } = groups;
    const quoted = long?.slice(3, -3) ?? plain?.slice(1, -1) ?? template?.slice(1, -1);
    const isTemplate = template !== undefined;
    if (quoted !== undefined) tokens.push({ kind: 'text', text: unescaped(quoted), isTemplate });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, isTemplate });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, isTemplate });
  }
  return tokens;
}

/** A line that ends with a backslash continues on the next. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (whole, next: string) => {
    if (next === '\n') return '';
    return `'"\\`.includes(next) ? next : unknown(`the escape ${whole}`);
  });
}
