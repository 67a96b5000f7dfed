# SPDX-License-Identifier: Apache-2.0
"""`vox-sink contracts validate`: any schema, any document, without a server or a database."""

import json
import pathlib
import tempfile
import unittest

from voxtest import CONTRACTS, SANITIZED, SINK, can_trace, run

SCHEMA = """{"$schema": "https://json-schema.org/draft/2020-12/schema",
 "$id": "https://example.org/s",
 "properties": {"n": {"type": "integer", "minimum": 3},
                "when": {"format": "date"},
                "other": {"$ref": "https://example.org/other"}},
 "additionalProperties": {"type": "string"}}
"""


class Case(unittest.TestCase):

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="vox-validate-", dir="/tmp")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def put(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)


class Validate(Case):

    def setUp(self):
        super().setUp()
        self.schema = self.put("s.json", SCHEMA)
        (self.folder / "refs").mkdir()
        self.put("refs/other.json", {"$id": "https://example.org/other", "maxLength": 2})
        self.put("refs/no-schema.json", [1])
        self.put("refs/readme.txt", "?")

    def validate(self, *argv, stdin=None, code):
        done = run(SINK, "contracts", "validate", *argv, stdin=stdin)
        self.assertEqual(done.returncode, code, done)
        return done

    def refs(self):
        return ["--ref", str(self.folder / "refs")]

    def test_people(self):
        good = self.put("good.json", {"n": 3, "other": "ab"})
        bad = self.put("bad.json", {"n": 1, "other": "abc", "a/b": 5, "": 6})
        done = self.validate(self.schema, good, bad, *self.refs(), code=1)
        self.assertEqual(done.stderr, "")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:2], [f"{good}: valid", f"{bad}: invalid"])
        self.assertEqual(sorted(zip(lines[2::2], lines[3::2])), sorted([
            ('  at "/n", minimum: must be at least 3', "    https://example.org/s#/properties/n/minimum"),
            ('  at "/other", maxLength: must have at most 2 characters', "    https://example.org/other#/maxLength"),
            ('  at "/a~1b", type: must be of type string', "    https://example.org/s#/additionalProperties/type"),
            ('  at "/", type: must be of type string', "    https://example.org/s#/additionalProperties/type")]))
        self.assertEqual(self.validate(self.schema, good, *self.refs(), code=0).stdout, f"{good}: valid\n")

    def test_machines(self):
        good = self.put("good.json", {})
        bad = self.put("bad.json", {"n": 1})
        broken = self.put("broken.json", '{\n"n":\n,}')
        done = self.validate(self.schema, good, bad, broken, "--json", *self.refs(), code=1)
        first, second, third = map(json.loads, done.stdout.splitlines())
        self.assertEqual(first, {"valid": True})
        self.assertEqual(second, {"valid": False, "errors": [{
            "keywordLocation": "/properties/n/minimum", "absoluteKeywordLocation": "https://example.org/s#/properties/n/minimum",
            "instanceLocation": "/n", "error": "must be at least 3"}]})
        self.assertEqual((third["valid"], third["verdict"]), (False, "not_json"))
        self.assertIn("line 3", third["errors"][0]["error"])

    def test_standard_input(self):
        done = self.validate(self.schema, "-", *self.refs(), stdin='{"n": 2}', code=1)
        self.assertIn("-: invalid\n", done.stdout)
        self.validate(self.schema, "-", *self.refs(), stdin="{}", code=0)

    def test_unresolved_reference_names_the_uri(self):
        done = self.validate(self.schema, "-", stdin="{}", code=2)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"{self.schema}:5:", done.stderr)
        self.assertIn('"https://example.org/other"', done.stderr)

    def test_ref_fetch(self):
        """Case ref-fetch: a reference is looked for among the files that were named. No socket is opened, no other file."""
        strace = not SANITIZED and can_trace()
        secret = self.put("elsewhere.json", {"type": "null"})
        trace = self.folder / "trace"
        for uri in ("http://127.0.0.1:1/x.json", "https://localhost:1/x.json", f"file://{secret}", f"FILE://{secret}",
                    secret, "elsewhere.json", "//127.0.0.1:1/x.json", "ftp://127.0.0.1:1/x"):
            with self.subTest(uri=uri):
                schema = self.put("fetch.json", {"$id": "https://example.org/s", "$ref": uri})
                words = [SINK, "contracts", "validate", schema, "-"]
                if strace:
                    words = ["strace", "-f", "-qq", "-e", "trace=network,openat", "-o", trace, *words]
                done = run(*words, stdin="null")
                self.assertEqual((done.returncode, done.stdout), (2, ""), done)
                self.assertIn(uri.rpartition("/")[2], done.stderr)
                if strace:
                    calls = trace.read_text()
                    self.assertIn("fetch.json", calls)
                    self.assertNotRegex(calls, r"AF_INET|connect\(|elsewhere\.json\"")

    def test_references_between_files(self):
        """Relative ones lead to the file beside; a file under --ref may be SCHEMA itself."""
        schema = self.put("refs/a b.json", {"$ref": "c.json#/$defs/d"})
        self.put("refs/c.json", {"$defs": {"d": {"type": "null"}}})
        refs = ["--ref", f"{self.folder}/refs/c.json,{schema}"]
        self.validate(schema, "-", *refs, stdin="null", code=0)
        self.assertIn("/refs/c.json#/$defs/d/type", self.validate(schema, "-", *refs, stdin="1", code=1).stdout)

    def test_dialect(self):
        """What stands beside a $ref: ignored in draft-07, and warned of; applied in 2020-12."""
        schema = self.put("ref.json", {"definitions": {"a": True}, "$ref": "#/definitions/a", "type": "string"})
        self.validate(schema, "-", stdin="1", code=1)
        self.validate(schema, "-", "--dialect", "2020-12", stdin="1", code=1)
        self.assertIn("warning", self.validate(schema, "-", "--dialect", "draft-07", stdin="1", code=0).stderr)
        self.validate(schema, "-", "--dialect", "draft-04", stdin="1", code=2)
        other = self.put("stated.json", {"$schema": "http://json-schema.org/draft-07/schema#", "$defs": {"a": True},
                                         "$ref": "#/$defs/a", "type": "string"})
        self.validate(other, "-", "--dialect", "2020-12", stdin="1", code=0)

    def test_formats_and_unknown_keywords(self):
        self.validate(self.schema, "-", *self.refs(), stdin='{"when": "soon"}', code=0)
        done = self.validate(self.schema, "-", "--format", *self.refs(), stdin='{"when": "soon"}', code=1)
        self.assertIn('at "/when", format', done.stdout)
        odd = self.put("odd.json", '{\n"minimun": 1}')
        self.validate(odd, "-", stdin="0", code=0)
        self.assertIn("odd.json:2:", self.validate(odd, "-", "--strict", stdin="0", code=2).stderr)

    def test_limit_is_no_verdict(self):
        schema = self.put("deep.json", {"items": {"$ref": "#"}})
        done = self.validate(schema, "-", stdin="[" * 200 + "]" * 200, code=1)
        self.assertIn("-: no verdict: a limit", done.stdout)
        done = self.validate(schema, "-", "--json", stdin="[" * 200 + "]" * 200, code=1)
        self.assertEqual((json.loads(done.stdout)["valid"], json.loads(done.stdout)["verdict"]), (False, "limit"))
        schema = self.put("regex.json", {"pattern": r"^(a+)+\1$"})
        self.validate(schema, "-", stdin=json.dumps("a" * 40 + "b"), code=1)

    def test_what_is_wrong_with_the_schema(self):
        for text, line, says in (('{\n"type": "integr"}', 2, "#/type"), ("{\n", 2, "not JSON"), ('{"a": 1, "a": 2}', 1, "comes twice"),
                                 ('{"properties": {"a":\n{"pattern": "["}}}', 2, "/properties/a/pattern"),
                                 ('{"$schema": "http://json-schema.org/draft-04/schema#"}', 1, "$schema")):
            with self.subTest(text=text):
                done = self.validate(self.put("bad.json", text), "-", stdin="1", code=2)
                self.assertIn(f"bad.json:{line}:", done.stderr)
                self.assertIn(says, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_exact_numbers(self):
        schema = self.put("number.json", {"minimum": 18446744073709551615.0, "type": "integer"})
        self.validate(schema, "-", stdin="18446744073709551616", code=0)
        self.validate(schema, "-", stdin="1.5", code=1)

    def test_usage(self):
        for argv in ([], [self.schema], [self.schema, "-", "--ref"], [self.schema, "-", "--ref", ""],
                     [self.schema, "-", "--ref", "/nonexistent"], ["/nonexistent", "-"], [self.schema, "/nonexistent", *self.refs()]):
            with self.subTest(argv=argv):
                done = self.validate(*argv, stdin="{}", code=2)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr.startswith("vox-sink: "), done.stderr)

    def test_our_own_contracts(self):
        """The samples of every contract, by the engine alone: what is not the guard's is the schema's verdict."""
        for folder in sorted((CONTRACTS / "samples").iterdir()):
            valid = [str(path) for path in sorted((folder / "valid").glob("*.json"))]
            self.validate(str(CONTRACTS / f"{folder.name}.schema.json"), *valid, "--strict", "--ref", str(CONTRACTS), code=0)


class Hostile(Case):
    """Schemas and documents made to take for ever: the right verdict, or the limit's own, in bounded work."""

    def verdict(self, schema, document):
        """"valid", "invalid" or "limit", by the command's --json; a schema that is refused is its sentence."""
        done = run(SINK, "contracts", "validate", self.put("hostile.json", schema), self.put("document.json", document), "--json")
        if done.returncode == 2:
            return done.stderr
        output = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if output["valid"] else 1)
        return output.get("verdict") or ("valid" if output["valid"] else "invalid")

    def test_patterns(self):
        self.assertEqual(self.verdict({"pattern": "^(a+)+$"}, '"' + "a" * 40 + '"'), "valid")
        self.assertEqual(self.verdict({"pattern": "^(a+)+$"}, '"' + "a" * 40 + 'b"'), "invalid")
        self.assertEqual(self.verdict({"pattern": "^(a+)+$"}, '"' + "a" * 1_000_000 + 'b"'), "invalid")
        dear = {"pattern": "^(?:(?=a)(a+)+)$"}  # a look-ahead in a group is no automaton's
        self.assertEqual(self.verdict(dear, '"' + "a" * 40 + 'b"'), "limit")
        self.assertEqual(self.verdict({"not": dear}, '"' + "a" * 40 + 'b"'), "limit")

    def test_two_recursive_arms(self):
        arm = {"type": "array", "items": {"$ref": "#"}}
        for schema in ({"anyOf": [arm, arm, {"type": "integer"}]}, {"oneOf": [arm, {"not": {"not": arm}}, {"type": "integer"}]}):
            self.assertIn(self.verdict(schema, "[" * 100 + '"x"' + "]" * 100), ("invalid", "limit"))
        self.assertEqual(self.verdict({"anyOf": [arm, arm, {"type": "integer"}]}, "[" * 100 + "1" + "]" * 100), "valid")

    def test_large_schema(self):
        large = {"properties": {f"name-{i:06}": {"type": "string", "maxLength": i} for i in range(22_000)}}
        self.assertGreater(len(json.dumps(large)), 1_000_000)
        self.assertEqual(self.verdict(large, {"name-021999": "a", "name-000001": "b"}), "valid")
        self.assertEqual(self.verdict(large, {"name-021999": "a", "name-000001": "bc"}), "invalid")
        self.assertEqual(self.verdict({"enum": list(range(150_000))}, "149999.0"), "valid")
        deep = '{"not":' * 300 + "true" + "}" * 300
        self.assertIn("nested too deep", self.verdict(deep, "1"))

    def test_reference_loops(self):
        for loop in ({"$ref": "#"}, {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#"}]}}},
                     {"$dynamicAnchor": "a", "$dynamicRef": "#a"}, {"not": {"$ref": "#/$defs/a"}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}):
            with self.subTest(loop=loop):
                self.assertRegex(self.verdict(loop, "1"), r"hostile\.json:\d+: .*(itself|loop|cycle|again)")
        self.assertEqual(self.verdict({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "null"}}}, "null"),
                         "valid", "the same twice is no loop")

    def test_large_documents(self):
        many = {f"k{i}": i for i in range(100_000)}
        self.assertEqual(self.verdict({"additionalProperties": {"type": "integer"}}, many), "valid")
        self.assertEqual(self.verdict({"additionalProperties": {"maximum": 99_998}}, many), "invalid")
        self.assertEqual(self.verdict({"propertyNames": {"pattern": "^k[0-9]+$"}, "minProperties": 100_000}, many), "valid")
        self.assertEqual(self.verdict({"properties": {"k5": True}, "unevaluatedProperties": {"type": "integer"}}, many), "valid")
        self.assertIn(self.verdict({"uniqueItems": True}, list(range(100_000))), ("valid", "limit"))
        self.assertIn(self.verdict({"uniqueItems": True}, [[i] for i in range(16_000)] + [[0.0]]), ("invalid", "limit"))
        self.assertEqual(self.verdict({"items": {"type": "integer"}}, list(range(100_000))), "valid")

    def test_numbers(self):
        for schema, document, wanted in (
                ({"const": 9007199254740993}, "9007199254740992", "invalid"), ({"const": 9007199254740993}, "9007199254740993", "valid"),
                ({"maximum": 9007199254740992}, "9007199254740993", "invalid"), ({"multipleOf": 0.5}, "1e308", "valid"),
                ({"multipleOf": 0.123456789}, "1e308", "invalid"), ({"multipleOf": 0.0001}, "0.00751", "invalid"),
                ({"multipleOf": 0.0001}, "0.0075", "valid"), ({"type": "integer"}, "18446744073709551615", "valid"),
                ({"type": "integer"}, "1.0", "valid"), ({"type": "integer"}, "1e400", "not_json")):
            with self.subTest(schema=schema, document=document):
                self.assertEqual(self.verdict(schema, document), wanted)
