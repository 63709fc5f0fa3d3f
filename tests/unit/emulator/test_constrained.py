"""Constrained generation keeps to every grammar and schema, reads well, ends, and refuses what the provider refuses."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer
from tests.examples import examples

from fireworks_emulator import gbnf, judge
from fireworks_emulator.constrained import Generated, Unsupported, any_json, from_grammar, from_schema, lines_are_rules

JSON_GRAMMAR = r"""
# any JSON value; rules as the dialect's own documentation shapes them
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
"""

CHESS = r"""
root    ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
move    ::= (pawn | nonpawn | castle) [+#]?
pawn    ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
castle  ::= "O-O" "-O"?
"""

GRAMMARS = {
    "the integration page": 'root ::= number "+" number "=" number\nnumber ::= [0-9]+',
    "two words": 'root ::= "yes" | "no"',
    "empty": 'root ::= ""',
    "an empty alternative": 'root ::= ("a" | ) "b"?',
    "json": JSON_GRAMMAR,
    "chess": CHESS,
    "names, dates, cities": (
        'root ::= name ", born " date " in " city "."\nname ::= [A-Z] [a-z]+ " " [A-Z] [a-z]+\n'
        'date ::= [0-9]{4} "-" [0-9]{2} "-" [0-9]{2}\ncity ::= [A-Z] [a-zA-Z ]*'
    ),
    "a list": 'root ::= item+\nitem ::= "- " [^\\r\\n]+ "\\n"',
    "hiragana": 'root ::= [ぁ-ゟ]{3,8} "。"',
    "beyond the first plane": 'root ::= "\\U0001F600" [\\U0001F601-\\U0001F64F]{2}',
    "control characters": 'root ::= "\\x00\\t" [\\x01-\\x02] "\\u00e9"',
    "arithmetic": (
        'root ::= expr\nexpr ::= term ([-+*/] term)*\nterm ::= num | "(" expr ")"\nnum ::= [1-9] [0-9]{0,2}'
    ),
    "an identifier": 'root ::= "let " [a-zA-Z_] [a-zA-Z0-9_]* " = " [0-9]+ ";"',
    "any character": "root ::= .{5,10}",
    "any character but": "root ::= [^a-z\\n]{4}",
    "hexadecimal": 'root ::= "0x" [0-9a-f]{8}',
    "brackets": 'root ::= "(" root ")" | "[" root "]" | "x"',
    "what a greedy reader would lose": 'root ::= [a-z]* "z" | "aa" "b" | "a" "ac"',
    "a dash first and last": "root ::= [-a-c]{2} [a-c-]{2} [a\\-c]{2}",
    "class marks": 'root ::= [\\]\\[\\\\^"]{6}',
    "a closing bracket as text": 'root ::= "\\[" [0-9] "\\]"',
    "groups over lines": 'root ::= (\n  "a"\n  | "b" # or this\n) "c" |\n  "d"',
    "carriage returns": 'root ::= a\r\na ::= "x"\r\n',
    "a rule given twice": 'root ::= "first"\nroot ::= "second"',
    "stacked repetitions": 'root ::= ("ab"{2,3})? "c"*',
    "repetition over lines": 'root ::= ("a"{ 1, # from\n 3 })',
    "open-ended repetition": "root ::= [0-9]{3,}",
    "no repetition": 'root ::= "a"{0} "b"{0,0} "c"',
    "right recursion": 'root ::= letters\nletters ::= [a-z] letters | ""',
    "optional spaces": 'root ::= ws "a" ws "b" ws\nws ::= [ \\t\\n]*',
    "a csv": 'root ::= row{2,4}\nrow ::= cell ("," cell)* "\\n"\ncell ::= [a-z]+ | [0-9]+',
    "names with dashes and marks": 'root ::= rule-1 rule_2 Rule3\nrule-1 ::= "a"\nrule_2 ::= "b"\nRule3 ::= "c"',
    "mutual recursion": 'root ::= a\na ::= "<" b ">" | "."\nb ::= a "," a | a',
    "a rule named start": 'root ::= start\nstart ::= "s"',
    "upper case": "root ::= [A-Z]{4,12}",
    "a slash and quotes": 'root ::= "a/b\\"c\'" [/\\"]',
}


def verdict(grammar: str, text: str) -> bool:
    return judge.for_rules(gbnf.parse(grammar)).accepts(text.encode())


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS.keys())
@pytest.mark.parametrize("seed", range(5))
def test_a_text_made_from_a_grammar_is_a_full_match(grammar: str, seed: int) -> None:
    generated = from_grammar(grammar, random.Random(seed), 500)

    assert generated.complete
    assert verdict(grammar, generated.text)


REGULAR = {
    "the integration page": r"[0-9]+\+[0-9]+=[0-9]+",
    "hiragana": r"[ぁ-ゟ]{3,8}。",
    "hexadecimal": r"0x[0-9a-f]{8}",
    "what a greedy reader would lose": r"[a-z]*z|aab|aac",
    "a dash first and last": r"[-abc]{4}[a\-c]{2}",
    "class marks": r'[\]\[\\^"]{6}',
    "any character but": r"[^a-z\n]{4}",
    "groups over lines": r"[ab]c|d",
    "a rule given twice": r"second",
    "control characters": "\x00\t[\x01\x02]é",
    "a slash and quotes": r"""a/b"c'[/"]""",
    "no repetition": r"c",
}


@pytest.mark.parametrize("name", REGULAR)
def test_a_regular_grammar_means_what_the_regular_expression_means(name: str) -> None:
    for seed in range(20):
        text = from_grammar(GRAMMARS[name], random.Random(seed), 500).text

        assert re.fullmatch(REGULAR[name], text, re.DOTALL)


@pytest.mark.parametrize(
    ("grammar", "text", "is_match"),
    [
        ('root ::= [a-z]* "z"', "abcz", True),
        ('root ::= [a-z]* "z"', "abc", False),
        ('root ::= "ab"{2,3}', "abab", True),
        ('root ::= "ab"{2,3}', "ab", False),
        ('root ::= "ab"{2,3}', "abababab", False),
        ("root ::= .", "\n", True),
        ("root ::= .", "😀", True),
        ("root ::= .", "ab", False),
        ("root ::= [^a]", "\x00", True),
        ("root ::= [^a]", "a", False),
        ('root ::= "a" | "b" "c"', "ac", False),
        ('root ::= "a" | "b" "c"', "bc", True),
    ],
)
def test_the_judge_takes_exactly_what_the_grammar_derives(grammar: str, text: str, is_match: bool) -> None:
    assert verdict(grammar, text) is is_match


def test_the_integration_page_gets_a_short_sum() -> None:
    texts = [from_grammar(GRAMMARS["the integration page"], random.Random(seed), 100).text for seed in range(20)]

    assert all(len(text) <= 11 for text in texts)
    assert not any(re.search(r"\b0\d", text) for text in texts)


def test_rule_names_lend_meaning() -> None:
    text = from_grammar(GRAMMARS["names, dates, cities"], random.Random(1), 100).text

    assert re.fullmatch(
        r"[A-Z]\w+ [A-Z]\w+, born 20\d\d-\d\d-\d\d in (Paris|Lisbon|Kyoto|San Francisco|Nairobi)\.", text
    )


def test_space_that_may_be_left_out_is_left_out() -> None:
    assert from_grammar(GRAMMARS["optional spaces"], random.Random(3), 100) == Generated("ab", complete=True)


def test_the_same_seed_gives_the_same_text() -> None:
    first, second = (from_grammar(JSON_GRAMMAR, random.Random(9), 200) for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    "grammar", ['root ::= "a" root', "root ::= [a-z]{5000}", 'root ::= [ぁ-ゟ] root | "。" root', "root ::= [0-9]{90}"]
)
def test_the_token_limit_cuts_a_text_that_is_too_long(grammar: str) -> None:
    generated = from_grammar(grammar, random.Random(0), 20)

    assert not generated.complete
    assert 0 < len(generated.text.encode()) <= 80
    assert judge.for_rules(gbnf.parse(grammar)).follows(generated.text.encode(), to_the_end=False)


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ('start ::= "a"', "no rule named 'root'"),
        ("", "no rule named 'root'"),
        ("root ::= missing", "'missing', which is not defined"),
        ('root ::= "a', r"this literal is not closed \(line 1, column 10\)"),
        ('root ::= "a"\nroot2 ::= [a', r"this class is not closed \(line 2, column 11\)"),
        ('root ::= ("a"', "this group is not closed"),
        ('root ::= "a")', "end of line expected"),
        ('root = "a"', "'::=' expected"),
        ('root ::= "\\q"', r"unknown escape '\\q'"),
        ('root ::= "\\xZZ"', "this escape names no character"),
        ('root ::= "\\UFFFFFFFF"', "this escape names no character"),
        ("root ::= []", "matches no character"),
        ("root ::= [z-a]", "runs backwards"),
        ('root ::= "a"{3,2}', "ends before it starts"),
        ('root ::= "a"{x}', "repetition expected"),
        ("root ::= * ", "nothing stands before the repetition"),
        ('root ::= root "a" | "b"', "'root' is left-recursive"),
        ('root ::= a\na ::= b? a "x"\nb ::= "y"', "'a' is left-recursive"),
        ('root ::= a\na ::= b\nb ::= a | "x"', "left-recursive"),
        ('root ::= "a"\n  | "b"', r"a rule's name expected \(line 2, column 3\)"),
        ("root ::= " + "(" * 200 + '"a"' + ")" * 200, "groups within one another"),
    ],
)
def test_a_grammar_that_cannot_be_read_is_refused_with_its_place(grammar: str, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        from_grammar(grammar, random.Random(0), 100)


@pytest.mark.parametrize(
    "grammar",
    [
        "root ::= ([a-z]?){200}{200}{200}",
        "root ::= " + " | ".join(f"[a-z] [a-{end}]*" for end in "bcdefghijklmnopqrstuvwxyz" * 120),
        'root ::= ("a"*){1000000}',
        "root ::= " + " ".join('"a"?' for _ in range(60_000)),
    ],
    ids=["nested repetition", "many branches", "a million", "very long"],
)
def test_a_grammar_that_branches_too_much_is_refused_in_the_providers_words(grammar: str) -> None:
    with pytest.raises(Unsupported) as caught:
        from_grammar(grammar, random.Random(0), 500)

    assert str(caught.value).startswith(
        "Grammar processing took too much time. Likely the grammar allows too much branching."
    )


def test_a_list_of_a_thousand_words_is_no_branching() -> None:
    words = [f"{number}-word" for number in range(1000)]

    generated = from_grammar("root ::= " + " | ".join(f'"{word}"' for word in words), random.Random(0), 500)

    assert generated.text in words


def test_a_long_chain_of_rules_is_no_branching() -> None:
    chain = "\n".join(f'r{number} ::= "x" r{number + 1}' for number in range(300))

    generated = from_grammar(f'root ::= r0\n{chain}\nr300 ::= "end"', random.Random(0), 500)

    assert generated == Generated("x" * 300 + "end", complete=True)


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= "a"',
        '# a comment\n\nroot ::= a # and another\na ::= "x"\n',
        'root ::= "a"\r\nb ::= "c"',
        '  root::="a"',
    ],
)
def test_one_rule_per_line_suits_the_provider(grammar: str) -> None:
    assert lines_are_rules(grammar) is None


@pytest.mark.parametrize(
    ("grammar", "line"),
    [('root ::= "a"\n  | "b"', 2), ('root ::=\n  "a"', 2), ('root ::= ("a"\n)', 2), ('\n\nroot ::= "a" |\n"b"', 4)],
)
def test_a_rule_over_several_lines_is_named_by_its_line(grammar: str, line: int) -> None:
    message = lines_are_rules(grammar)

    assert message is not None
    assert f"line {line} " in message


# --- schemas -------------------------------------------------------------------------------------------------------

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "city": {"type": "string"},
        "email": {"type": "string", "format": "email"},
        "born": {"type": "string", "format": "date"},
        "homepage": {"type": "string", "format": "uri"},
    },
    "required": ["name", "age", "city", "email", "born", "homepage"],
}

TREE: dict[str, Any] = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["value", "children"],
        }
    },
}

EXPRESSION: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"op": {"enum": ["+", "-"]}, "left": {"$ref": "#"}, "right": {"$ref": "#"}},
            "required": ["op", "left", "right"],
            "additionalProperties": False,
        },
        {"type": "number"},
    ]
}

DEFINITIONS_WITHIN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"$ref": "#/$defs/Inner"},
        "b": {"type": "object", "$defs": {"Inner": {"type": "boolean"}}, "properties": {"c": {"type": "null"}}},
    },
    "required": ["a"],
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "a person": PERSON,
    "a tree": TREE,
    "an expression": EXPRESSION,
    "enum": {"enum": ["a", 1, {"x": [True]}]},
    "const": {"const": {"a": [1, "b"]}},
    "several types": {"type": ["string", "null", "integer"]},
    "any object": {"type": "object"},
    "a map": {"type": "object", "additionalProperties": {"type": "number"}},
    "an empty object": {"type": "object", "properties": {}},
    "undeclared but required": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
    "at least three": {"type": "object", "minProperties": 3, "additionalProperties": {"type": "boolean"}},
    "at most one": {
        "type": "object",
        "properties": {key: {"type": "integer"} for key in "abc"},
        "required": ["b"],
        "maxProperties": 1,
        "additionalProperties": False,
    },
    "no item twice": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    "keys by pattern": {
        "type": "object",
        "patternProperties": {"^x-[a-z]+$": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    "oneOf that overlaps": {"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]},
    "oneOf with a tag": {
        "oneOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": kind}, kind: {"type": "number"}},
                "required": ["kind", kind],
            }
            for kind in ("circle", "square")
        ]
    },
    "allOf": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "integer", "multipleOf": 7}}, "required": ["b"]},
        ]
    },
    "allOf over references": {
        "$defs": {
            "Base": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
            "Named": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        },
        "allOf": [{"$ref": "#/$defs/Base"}, {"$ref": "#/$defs/Named"}],
    },
    "a reference beside keywords": {
        "definitions": {"Text": {"type": "string", "minLength": 4}},
        "$ref": "#/definitions/Text",
        "maxLength": 6,
    },
    "a choice beside keywords": {"type": "integer", "anyOf": [{"type": "integer", "minimum": 50}, {"const": 3}]},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}\\d+(foo|bar)$"},
    "pattern anywhere": {"type": "string", "pattern": "q[0-9]"},
    "pattern and length": {"type": "string", "pattern": "^[a-z]+$", "minLength": 30, "maxLength": 32},
    "a long text": {"type": "string", "minLength": 300},
    "a short text": {"type": "string", "minLength": 1, "maxLength": 2},
    "bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.01},
    "integer bounds": {"type": "integer", "exclusiveMinimum": 41, "exclusiveMaximum": 43},
    "negative": {"type": "integer", "maximum": -1000},
    "quarters": {"type": "number", "multipleOf": 0.25, "minimum": 1.1, "maximum": 2},
    "a tuple": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "items": False,
        "minItems": 2,
    },
    "a tuple of Draft 7": {"type": "array", "items": [{"type": "string"}, {"type": "null"}], "minItems": 2},
    "exactly four": {"type": "array", "items": {"type": "boolean"}, "minItems": 4, "maxItems": 4},
    "no items": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    "a list that ends": {
        "type": "object",
        "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["value", "next"],
    },
    "an integer that is a number": {"allOf": [{"type": "number"}, {"type": "integer", "minimum": 7}]},
    "keys with marks": {"type": "object", "properties": {'a "b"\\é\n': {"type": "string"}}, "required": ['a "b"\\é\n']},
}


def is_valid(schema: dict[str, Any], text: str) -> bool:
    return bool(jsonschema_rs.validator_for(schema).is_valid(json.loads(text)))


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
@pytest.mark.parametrize("seed", range(5))
def test_json_made_from_a_schema_is_valid_and_compact(schema: dict[str, Any], seed: int) -> None:
    generated = from_schema(schema, random.Random(seed), 1000)

    checked = schema if schema is not SCHEMAS["a tuple of Draft 7"] else {
        "$schema": "http://json-schema.org/draft-07/schema#", **schema,
    }  # fmt: skip
    assert generated.complete
    assert is_valid(checked, generated.text)
    assert generated.text == json.dumps(json.loads(generated.text), ensure_ascii=False, separators=(",", ":"))


names = st.sampled_from(["name", "age", "city", "x", "total_price", "créé", "a b"])
bounds = st.integers(-50, 50)


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    least = draw(st.integers(0, 6))
    free: dict[str, Any] = {"type": "string"}
    return draw(
        st.sampled_from(
            [
                free,
                free | {"minLength": least},
                free | {"maxLength": least + 3},
                free | {"minLength": least, "maxLength": least + draw(st.integers(0, 9))},
                free | {"pattern": draw(st.sampled_from(["^[a-z]+$", "[0-9]{3}", "^(GET|POST) /", "^\\w+-\\d+$"]))},
                free | {"format": draw(st.sampled_from(["date", "email", "uuid", "date-time", "ipv4", "uri", "time"]))},
            ]
        )
    )


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    low = draw(bounds)
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(12, 200))
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 5]))
    return schema


plain = st.sampled_from(
    [
        {"type": "boolean"},
        {"type": "null"},
        {"enum": ["red", "green", 3]},
        {"const": {"k": [1]}},
        {"type": ["null", "string"]},
    ]
)


def objects(members: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], required: set[str], closed: bool | None) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "required": sorted(required & properties.keys()),
        }
        return schema if closed is None else schema | {"additionalProperties": closed}

    return st.builds(
        build, st.dictionaries(names, members, max_size=4), st.sets(names), st.sampled_from([None, True, False])
    )


@st.composite
def arrays(draw: st.DrawFn, members: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    least = draw(st.integers(0, 3))
    schema: dict[str, Any] = {"type": "array", "items": draw(members), "minItems": least}
    return schema | ({"maxItems": least + draw(st.integers(0, 3))} if draw(st.booleans()) else {})


def nested(members: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(members, min_size=1, max_size=3)
    return st.one_of(
        objects(members),
        arrays(members),
        several.map(lambda branches: {"anyOf": branches}),
        st.lists(objects(members), min_size=1, max_size=2)
        .map(_with_distinct_names)
        .map(lambda parts: {"allOf": parts}),
        st.lists(objects(members), min_size=2, max_size=3).map(_with_tags).map(lambda parts: {"oneOf": parts}),
    )


def _with_distinct_names(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An ``allOf`` whose members do not contradict one another: own names, open to the others'."""
    return [
        {
            "type": "object",
            "properties": {f"{key}{number}": member for key, member in part["properties"].items()},
            "required": [f"{key}{number}" for key in part["required"]],
        }
        for number, part in enumerate(parts)
    ]


def _with_tags(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        part | {"properties": {"tag": {"const": number}} | part["properties"], "required": ["tag", *part["required"]]}
        for number, part in enumerate(parts)
    ]


schemas = st.recursive(st.one_of(strings(), numbers(), plain), nested, max_leaves=8)


@settings(max_examples=examples(250), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=schemas, seed=st.integers(0, 2**32))
@pytest.mark.slow
def test_json_is_valid_whatever_the_schema(schema: dict[str, Any], seed: int) -> None:
    generated = from_schema(schema, random.Random(seed), 4000)

    assert generated.complete
    assert is_valid(schema, generated.text)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=schemas, seed=st.integers(0, 2**32))
def test_the_constraint_alone_also_leads_to_valid_json(schema: dict[str, Any], seed: int) -> None:
    written, complete = judge.improvise(judge.for_schema(schema), random.Random(seed), 16_000)

    assert complete
    assert is_valid(schema, written.decode())


def test_names_of_properties_lend_meaning() -> None:
    person = json.loads(from_schema(PERSON, random.Random(2), 500).text)

    assert list(person) == list(PERSON["properties"])
    assert re.fullmatch(r"[A-Z][a-z]+( [A-Z][a-z]+)?", person["name"])
    assert 18 <= person["age"] <= 79
    assert person["city"] in {"Paris", "Lisbon", "Kyoto", "San Francisco", "Nairobi"}
    assert person["email"].endswith(("@example.com", "@example.org", "@example.net"))


def test_a_hint_is_used_where_the_schema_allows_it() -> None:
    hints = {"city": "Tokyo", "country": "Japan", "unit": "celsius"}
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "country": {"type": "string", "maxLength": 2},
            "unit": {"enum": ["fahrenheit", "celsius"]},
        },
        "required": ["city", "country", "unit"],
    }

    answers = [json.loads(from_schema(schema, random.Random(seed), 200, hints).text) for seed in range(10)]

    assert {answer["city"] for answer in answers} == {"Tokyo"}
    assert {answer["unit"] for answer in answers} == {"celsius"}
    assert all(len(answer["country"]) <= 2 for answer in answers)


@pytest.mark.parametrize("schema", [TREE, EXPRESSION, SCHEMAS["a list that ends"]])
def test_a_recursive_schema_comes_to_an_end_soon(schema: dict[str, Any]) -> None:
    lengths = [len(from_schema(schema, random.Random(seed), 4000).text) for seed in range(40)]

    assert max(lengths) < 1200


def test_json_that_is_longer_than_allowed_is_cut() -> None:
    generated = from_schema({"type": "string", "minLength": 300}, random.Random(0), 10)

    assert not generated.complete
    assert len(generated.text.encode()) <= 40


def test_look_around_leaves_the_string_free() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "(?=a)b"}}, "required": ["x"]}

    assert isinstance(json.loads(from_schema(schema, random.Random(0), 100).text)["x"], str)


def test_any_json_is_an_object_with_something_in_it() -> None:
    generated = any_json(random.Random(0), 200)

    assert generated.complete
    assert json.loads(generated.text)
    assert from_schema(True, random.Random(0), 200) == generated


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({}, "could not understand the instance `{}`."),
        (False, "could not understand the instance `False`."),
        ({"not": {}}, "could not understand the instance `{'not': {}}`."),
        (
            {"type": "object", "properties": {"x": {"default": 1}}},
            "could not understand the instance `{'default': 1}`.",
        ),
        ({"type": "array", "items": {}}, "could not understand the instance `{}`."),
        (
            {"type": "object", "properties": {"a": {"type": "null"}}, "anyOf": [{"required": ["a"]}]},
            "could not understand the instance `{'required': ['a']}`.",
        ),
        ({"enum": ["a", None]}, "could not translate the enum None."),
        ({"$ref": "https://example.com/schema"}, "external $ref 'https://example.com/schema' is not resolved."),
        ({"$ref": "#/$defs/Missing"}, "$ref '#/$defs/Missing' names nothing in this schema"),
        ({"type": "string", "not": {"const": "a"}}, 'Unimplemented keys: ["not"]'),
        (
            {"type": "integer", "minimum": 5, "maximum": 3},
            "Unsatisfiable schema: minimum (5) is greater than maximum (3)",
        ),
        ({"type": "text"}, "\"text\" is not valid under any of the schemas listed in the 'anyOf' keyword"),
    ],
)
def test_a_schema_that_cannot_be_kept_to_is_refused(schema: dict[str, Any] | bool, message: str) -> None:
    with pytest.raises(Unsupported) as caught:
        from_schema(schema, random.Random(0), 100)

    assert str(caught.value) == f"JSON Schema not supported: {message}"


def test_hundreds_of_optional_properties_are_no_hindrance() -> None:
    schema = {"type": "object", "properties": {f"field_{number}": {"type": "string"} for number in range(200)}}

    generated = from_schema(schema, random.Random(0), 4000)

    assert generated.complete
    assert is_valid(schema, generated.text)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]},
        {"type": "object", "properties": {f"field_{number}": {"type": "string"} for number in range(2000)}},
    ],
    ids=["without an end", "two thousand options"],
)
def test_a_schema_that_branches_too_much_is_refused_in_the_providers_words(schema: dict[str, Any]) -> None:
    with pytest.raises(
        Unsupported, match=r"^Grammar processing took too much time\. Likely the grammar allows too much"
    ):
        from_schema(schema, random.Random(0), 100)


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "array", "items": {"type": "boolean"}}])
def test_what_is_too_long_to_write_ends_at_the_token_limit(schema: dict[str, Any]) -> None:
    schema = schema | ({"minItems": 10**9} if "items" in schema else {"minLength": 10**9})

    generated = from_schema(schema, random.Random(0), 100)

    assert not generated.complete
    assert len(generated.text.encode()) <= 400


def test_a_schema_that_nests_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        schema = {"type": "array", "items": schema}

    with pytest.raises(Unsupported, match="nested deeper than 64 levels"):
        from_schema(schema, random.Random(0), 100)


def test_a_definition_is_found_wherever_it_is_nested() -> None:
    answer = json.loads(from_schema(DEFINITIONS_WITHIN, random.Random(0), 100).text)

    assert isinstance(answer["a"], bool)


def test_a_value_that_nests_too_deep_is_refused() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]

    with pytest.raises(Unsupported, match="nested too deep"):
        from_schema({"const": value}, random.Random(0), 100)


def test_the_given_schema_is_left_as_it_was() -> None:
    before = json.dumps(DEFINITIONS_WITHIN)

    from_schema(DEFINITIONS_WITHIN, random.Random(0), 100)

    assert json.dumps(DEFINITIONS_WITHIN) == before


def test_llguidance_itself_takes_what_was_made_for_it() -> None:
    """The same question put to the library directly, so that a fault in the judge cannot hide one in the texts."""
    matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_json_schema(PERSON), log_level=0)

    text = from_schema(PERSON, random.Random(5), 500).text

    assert matcher.try_consume_tokens(list(text.encode())) == len(text.encode())
    assert matcher.is_accepting()
