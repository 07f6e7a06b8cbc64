import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../../engine/base/user_error.ts";
import { functionTokens, WORDS } from "../../../../datasets/refplus/scenes/catalogue.ts";
import {
  decodeTokens,
  encodeTokens,
  expandTable,
  SPECIAL_TOKENS,
  TokenCounter,
  tokenList,
  wordsOf,
} from "../../../../datasets/refplus/encoding/tokens.ts";
import { readVocabulary } from "../../../../datasets/refplus/encoding/vocabulary_file.ts";
import { withFolder } from "../../../support/folder.ts";

Deno.test("words are split at blanks, with ; and , apart and ? and . gone", () => {
  deepStrictEqual(wordsOf("Find the ball(s); The big, red thing(s) it is?."), [
    ...["Find", "the", "ball(s)", ";", "The", "big", ",", "red", "thing(s)", "it", "is"],
  ]);
  deepStrictEqual(wordsOf("  a   big\tred \n cube ,? "), ["a", "big", "red", "cube", ","]);
  deepStrictEqual(wordsOf(" .  "), []);
});

Deno.test("tables have the special tokens first, then the others by their code points", () => {
  const counter = new TokenCounter();
  counter.add(["the", "The", "ball", "ball(s)", "the", ";", "😀", "\uffff"]);
  deepStrictEqual(tokenList(counter.table()), [
    ...SPECIAL_TOKENS,
    ...[";", "The", "ball", "ball(s)", "the", "\uffff", "😀"],
  ]);
  deepStrictEqual(counter.table(2), { "<NULL>": 0, "<START>": 1, "<END>": 2, "<UNK>": 3, the: 4 });
  const words = new TokenCounter();
  words.add(WORDS.toReversed());
  deepStrictEqual(tokenList(words.table()), [...SPECIAL_TOKENS, ...WORDS]);
  strictEqual(Object.keys(words.table()).length, 84);
  const nodes = new TokenCounter();
  nodes.add(functionTokens());
  strictEqual(Object.keys(nodes.table()).length, 60);
});

Deno.test("rows begin with <START>, end with <END> and come back", () => {
  const counter = new TokenCounter();
  counter.add(["a", "b"]);
  const table = counter.table();
  deepStrictEqual(encodeTokens(["b", "a"], table, "encode"), [1, 5, 4, 2]);
  deepStrictEqual(encodeTokens(["b", "zebra", "constructor"], table, "encode"), [1, 5, 3, 3, 2]);
  throws(() =>
    encodeTokens(["b", "zebra"], table, (token) => {
      throw new Error(`no ${token}`);
    }), /no zebra/);
  deepStrictEqual(decodeTokens([1, 5, 4, 2, 0, 0], tokenList(table)), ["b", "a"]);
  deepStrictEqual(decodeTokens([5, 4, 4], tokenList(table)), ["b", "a", "a"]);
  const other = new TokenCounter();
  other.add(["c", "b", "aa"]);
  deepStrictEqual(tokenList(expandTable(table, other.table())), [...SPECIAL_TOKENS, "a", "b", "aa", "c"]);
});

Deno.test("broken vocabularies are refused", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "vocab.json");
    const table = { "<NULL>": 0, "<START>": 1, "<END>": 2, "<UNK>": 3, a: 4 };
    const good = { refexp_token_to_idx: table, program_token_to_idx: table, answer_token_to_idx: null };
    const refuses = async (text: string | null, message: RegExp) => {
      if (text !== null) await Deno.writeTextFile(file, text);
      await rejects(() => readVocabulary(file), (e) => e instanceof UserError && message.test(e.message));
    };
    await refuses(null, /vocab\.json: there is no such file/);
    await refuses("{", /vocab\.json: is not whole JSON/);
    const changed = (change: object) => JSON.stringify({ ...good, program_token_to_idx: { ...table, ...change } });
    await refuses(JSON.stringify({ refexp_token_to_idx: table }), /program_token_to_idx: /);
    await refuses(changed({ "<END>": 4 }), /program_token_to_idx\.<END>: must be 2/);
    await refuses(changed({ a: 5 }), /program_token_to_idx: indices must be 0\.\.4, each once/);
    await refuses(changed({ b: 4 }), /program_token_to_idx: indices must be 0\.\.5, each once/);
    // However many words there are.
    const many = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`w${i}`, i + 5]));
    await refuses(changed({ ...many, w7: 3 }), /program_token_to_idx: indices must be 0\.\.200004, each once/);
    await Deno.writeTextFile(file, JSON.stringify({ ...good, refexp_idx_to_token: {} }));
    deepStrictEqual(await readVocabulary(file), good);
  });
});
