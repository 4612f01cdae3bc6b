"""Where texts stand, checked against the source itself."""

from __future__ import annotations

import ast
import random
import unittest
import warnings

from bighead._text import SourceFile


def placed(source: str, **where: int) -> list[dict]:
    file = SourceFile("f.py", source, **where)
    return [file.literal(n) for n in ast.walk(file.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


class Literals(unittest.TestCase):
    PIECES = ["a", "Z", " ", "é", "𝄞", "'", '"', "\\n", "\\t", "\\\\", "\\'", '\\"', "\\x41", "\\u00e9", "\\U0001D11E", "\\101", "\\d", "\\\n", "\n", "{", "#"]

    def literal(self, rng: random.Random) -> str:
        quote = rng.choice(["'", '"', "'''", '"""'])
        prefix = rng.choice(["", "", "", "r", "R", "u"])
        body = ""
        for _ in range(rng.randrange(8)):
            piece = rng.choice(self.PIECES)
            if "\n" in piece and len(quote) == 1 and piece != "\\\n" or quote[0] in piece and not piece.startswith("\\"):
                continue
            if prefix in "rR" and prefix and piece.startswith("\\") and piece != "\\d":
                continue
            body += piece
        return prefix + quote + body + quote

    def test_each_character_stands_where_it_is_said_to(self) -> None:
        seed = 20240131
        rng = random.Random(seed)
        checked = 0
        warnings.simplefilter("ignore")  # Python's own, of escapes that it does not know
        self.addCleanup(warnings.resetwarnings)
        for round in range(3000):
            source = "x = (" + rng.choice([" ", "\n  ", "  # c'\n "]).join(self.literal(rng) for _ in range(rng.randrange(1, 4))) + ")\n"
            try:
                ast.parse(source)
            except SyntaxError:
                continue
            with self.subTest(seed=seed, round=round, source=source):
                for record in placed(source):
                    checked += self.check(source, record)
        self.assertGreater(checked, 5000)

    def check(self, source: str, record: dict) -> int:
        lines = source.split("\n")
        value = record["text"]
        raw = value.encode()
        runs = record["runs"]
        self.assertEqual(runs[0][0], 0)
        checked = 0
        for i, (offset, line, col) in enumerate(runs):
            end = runs[i + 1][0] if i + 1 < len(runs) else len(raw)
            for n, c in enumerate(raw[offset:end].decode()):
                there = (lines[line - 1] + "\n")[col - 1 + n :]
                # What follows an escape begins a run of its own, so in a run only the last character may be one.
                if not there.startswith(c):
                    self.assertTrue(there.startswith("\\"), (c, there))
                    self.assertEqual(n, len(raw[offset:end].decode()) - 1)
                checked += 1
        return checked

    def test_span_is_the_whole_literal(self) -> None:
        self.assertEqual(placed('f("é", "dep")')[1]["at"], "f.py:1:8-1:13")

    def test_a_text_within_a_file(self) -> None:
        record = placed('f("dep")', line=10, col=5)[0]
        self.assertEqual(record, {"text": "dep", "at": "f.py:10:7-10:12", "runs": [[0, 10, 8]]})


class Calls(unittest.TestCase):
    def test_the_end_names_a_call(self) -> None:
        source = "a(b)(c(d))\n"
        file = SourceFile("f.py", source)
        self.assertEqual(ast.unparse(file.call_ending(1, 4)), "a(b)")
        self.assertEqual(ast.unparse(file.call_ending(1, 10)), "a(b)(c(d))")
        self.assertEqual(ast.unparse(file.call_ending(1, 9)), "c(d)")

    def test_a_file_that_does_not_parse_has_no_calls(self) -> None:
        self.assertIsNone(SourceFile("f.py", "f(").call_ending(1, 2))


if __name__ == "__main__":
    unittest.main()
