// Answers, one line of JSON a request: what the browser's analyser, queries and excerpts make of it. Places are code points.

import {createInterface} from "node:readline";

import {around} from "./find/excerpt.js";
import {VERSION, termOf, tokens} from "./find/terms.js";
import {marks, parse} from "./find/wanted.js";

const point = (text, at) => [...text.slice(0, at)].length;

const answers = {
  version: () => VERSION,
  terms: ({words, language}) => words.map((word) => termOf(word, language)),
  tokens: ({text, language}) =>
    tokens(text, language).map(({term, start, end}) => [term, point(text, start), point(text, end)]),
  parse: ({text, language}) => parse(text, language),
  marks: ({text, query, language}) =>
    marks(text, language, parse(query, language)).map(([start, end]) => [point(text, start), point(text, end)]),
  excerpt: ({text, query, language}) => {
    const found = around(text, marks(text, language, parse(query, language)));
    return [point(text, found.start), point(text, found.end), found.cutBefore, found.cutAfter];
  },
};

for await (const line of createInterface({input: process.stdin})) {
  const asked = JSON.parse(line);
  process.stdout.write(JSON.stringify(answers[asked.what](asked)) + "\n");
}
