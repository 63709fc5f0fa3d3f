from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher
from llguidance.gbnf_to_lark import gbnf_to_lark
from tests.examples import examples
from tests.unit.wire.steps import steps

from emberway.wire.gbnf import MAX_CACHED, Finding, check_grammar, join_rules
from emberway.wire.gbnf_opinion import MAX_ASKED
from emberway.wire.gbnf_reader import read_grammar
from emberway.wire.gbnf_text import LINE_END

GRAMMARS = Path(__file__).parents[2] / "data" / "grammars"
VALID = {path.stem: path.read_bytes().decode() for path in sorted((GRAMMARS / "valid").glob("*.gbnf"))}
INVALID = {path.stem: path.read_bytes().decode() for path in sorted((GRAMMARS / "invalid").glob("*.gbnf"))}
EXPECTED = tomllib.loads((GRAMMARS / "invalid" / "expected.toml").read_text())

few = settings(derandomize=True, max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(few, max_examples=examples(500))


def certain(text: str) -> list[Finding]:
    return [finding for finding in check_grammar(text) if finding.certain]


def reasons(text: str) -> list[str]:
    return [f"{finding.line}:{finding.column} {finding.reason}" for finding in check_grammar(text)]


# --- the corpus


def test_the_corpus_holds_at_least_45_grammars_of_each_kind() -> None:
    assert len(VALID) >= 45
    assert len(INVALID) >= 45
    assert INVALID.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", VALID)
def test_a_valid_grammar_passes_without_a_word(name: str) -> None:
    assert check_grammar(VALID[name]) == ()


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_grammar_is_refused_at_the_place_of_the_mistake(name: str) -> None:
    finding = certain(INVALID[name])[0]

    assert f"{finding.line}:{finding.column}" == EXPECTED[name]["at"]
    assert EXPECTED[name]["says"] in finding.reason


# --- doubts


@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        ('root ::= root "a" | "a"', "1:10 left recursion (root -> root)"),
        ('root ::= a\na ::= b "x" | "y"\nb ::= a "z"', "3:7 left recursion (a -> b -> a)"),
        ('root ::= ws root "a" | "b"\nws ::= [ ]*', "1:13 left recursion"),
        ('root ::= ("(" ")" | (root "x"))', "1:22 left recursion"),
        ('root ::= "a" root', "1:1 rule `root` can never end"),
        ('root ::= "a" | b\nb ::= "b" c\nc ::= "c" b', "2:1 rule `b` can never end"),
        ('root ::= ("a" |)*', "1:10 this part can be empty"),
        ('root ::= "a"\nroot ::= "b"', "2:1 rule `root` is defined a second time"),
        ('root ::= <think> .* "x"', "1:10 `<think>` names a token"),
        ('root ::= !<[1001]>* "x"', "1:10 `!<[1001]>` names a token"),
        ('root ::= (= "a") [a-z]', "1:10 `(=` is a look-ahead"),
        ('root ::= snake_case\nsnake_case ::= "a"', "1:10 the name `snake_case`"),
        ('root ::= größe\ngröße ::= "a"', "1:10 the name `größe`"),
        ('root ::= "a\\/b"', "1:12 `\\/` is no escape"),
        ("root ::= [\\b\\f]", "1:11 `\\b` is no escape of the dialect: write \\x08"),
        ('root ::= "a"+?', "1:14 a second repetition `?` after `+`"),
        ('root ::= ""*', "1:12 `*` repeats the empty text"),
        ('root ::= "a"{2001}', "1:13 `{2001}` makes 2001 copies"),
        ('root ::= ("a"{1,100}){1,100}', "1:22 `{1,100}` makes 10000 copies"),
        ('root ::= "a"{1,99999999999999999999999999} "b"{99999999999999999999999999}', "1:47"),
        ("root ::= [z-a]", "1:11 this range runs backwards"),
        ("root ::= [\\0-\\b]", "1:11 `\\0` is no escape of the dialect: write \\x00"),
        ("root ::= [\\UFFFFFFFF]", "1:11 there is no character beyond U+10FFFF"),
        ("root ::= [] [^]", "1:10 `[]` holds no character"),
        ('root ::= "one\ntwo"', "1:10 this literal goes on past the end of its line"),
        ('root ::= "a"\nb\nb ::= "c"', "2:1 no `::=` follows `b`"),
        ("root ::=", "1:1 rule `root` is empty"),
        ("root ::= [\ud800]", "1:1 another grammar engine (llguidance) refuses this grammar: "),
    ],
)
def test_what_some_readers_take_is_a_doubt_and_not_refused(grammar: str, reason: str) -> None:
    assert certain(grammar) == []
    assert any(line.startswith(reason) for line in reasons(grammar)), reasons(grammar)


def test_a_grammar_that_only_another_reader_takes_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    grammar = 'root ::= "a" ~ "b"  # a reader of tomorrow knows ~'
    monkeypatch.setattr("llguidance.gbnf_to_lark.GrammarParser.parse", lambda self, text: {"root": text})

    (finding,) = check_grammar(grammar)

    assert (finding.line, finding.column, finding.certain) == (1, 14, False)


def test_a_grammar_too_long_to_compile_here_is_a_doubt() -> None:
    grammar = f'root ::= "a"\n# {"x" * MAX_ASKED}\n'

    (finding,) = check_grammar(grammar)

    assert "was not compiled" in finding.reason
    assert not finding.certain


def test_the_same_unknown_rule_is_told_once_and_every_unknown_rule_is_told() -> None:
    assert reasons('root ::= a b a "x" b') == [
        "1:10 rule `a` is not defined: define it, or write it in quotes if it is text",
        "1:12 rule `b` is not defined: define it, or write it in quotes if it is text",
    ]


def test_at_most_twenty_findings_are_told_and_certain_ones_survive_the_cut() -> None:
    doubts = '"\\/" ' * 40

    findings = check_grammar(f"root ::= {doubts} missing\n")

    assert len(findings) == 20
    assert findings[-1].certain


def test_a_message_quotes_a_long_name_in_short() -> None:
    (finding,) = check_grammar("root ::= " + "x" * 60_000)

    assert len(finding.reason) < 200


# --- one line per rule


@pytest.mark.parametrize(
    ("grammar", "joined"),
    [
        ('root ::= "a" |\n  "b"\n', 'root ::= "a" | "b"\n'),
        ('root ::= "a"\n  | "b" # last\n', 'root ::= "a" | "b" # last\n'),
        ('root ::= (  "a"  # one\n\n   # two\r\n  "b"  )\r\nx ::= "c"\r\n', 'root ::= (  "a" "b"  )\r\nx ::= "c"\r\n'),
        (
            '# top\n\nroot ::=\n  a\n\n# about a\na  ::=  "x" # y\n',
            '# top\n\nroot ::= a\n\n# about a\na  ::=  "x" # y\n',
        ),
        ('root ::= ("a"{1, # one\n 3})', 'root ::= ("a"{1,3})'),
        ('root ::= "one\r\ntwo" [\n]', 'root ::= "one\\r\\ntwo" [\\n]'),
    ],
)
def test_a_rule_over_several_lines_is_joined_and_nothing_else_is_touched(grammar: str, joined: str) -> None:
    assert join_rules(grammar) == joined


@pytest.mark.parametrize(
    "grammar", ['root ::= "a"', 'root  ::= a # x\n\n# y\na ::= "b"\r\n', "root ::= (\n", "", "\n\n# nothing\n"]
)
def test_a_grammar_with_nothing_to_join_comes_back_as_the_same_object(grammar: str) -> None:
    join_rules("".join(grammar))  # an equal text was seen before
    again = "".join([*grammar])

    assert join_rules(again) is again


def test_joining_works_on_texts_too_long_to_be_remembered() -> None:
    rest = f"# {'x' * MAX_CACHED}\n"

    assert join_rules('root ::= "a" |\n"b"\n' + rest) == 'root ::= "a" | "b"\n' + rest


# --- grammars that are valid by construction

RULES = ["root", "list-2", "A"]
names = st.sampled_from(RULES)
quoted_character = st.one_of(
    st.characters(exclude_characters='"\\[]-^\r\n', exclude_categories=["Cs"]),
    st.sampled_from([r"\n", r"\t", r"\r", r"\\", r"\"", r"\[", r"\]", r"\-", r"\x41", r"\u3042", r"\U0001F600"]),
)
literals = st.lists(quoted_character, min_size=1, max_size=5).map(lambda parts: f'"{"".join(parts)}"')
classes = st.tuples(
    st.sampled_from(["", "^"]),
    st.lists(
        st.one_of(quoted_character, st.sampled_from(["a-z", "0-9", r"\x20-\x7E", "ぁ-ゟ"])), min_size=1, max_size=4
    ),
    st.sampled_from(["", "-"]),
).map(lambda parts: f"[{parts[0]}{''.join(parts[1])}{parts[2]}]")
operators = st.one_of(
    st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,}", "{ 0 , 3 }"]),
    st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda ends: "{%d,%d}" % (min(ends), max(ends))),  # noqa: UP031
)
gaps = st.sampled_from([" ", "  ", "\t", "\n  ", "\r\n\t", " # why | ( not\n ", '\n\n  # "\n  '])


@st.composite
def sequences(draw: st.DrawFn, parts: st.SearchStrategy[str]) -> str:
    pieces = [draw(parts) + draw(operators) for _ in range(draw(st.integers(1, 3)))]
    return "".join(piece + draw(gaps) for piece in pieces)


@st.composite
def groups(draw: st.DrawFn, parts: st.SearchStrategy[str]) -> str:
    alternatives = [draw(sequences(parts)) for _ in range(draw(st.integers(1, 2)))]
    return f"({draw(gaps)}{f'|{draw(gaps)}'.join(alternatives)})"


bodies = st.recursive(st.one_of(literals, classes, st.just("."), names), groups, max_leaves=4)


@st.composite
def grammars(draw: st.DrawFn) -> str:
    lines = []
    for name in RULES:
        body = f"|{draw(gaps)}".join(draw(sequences(bodies)) for _ in range(draw(st.integers(1, 2))))
        end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n# between\n", " # after\n"]))
        lines.append(f"{name}{draw(st.sampled_from(['', ' ', '  ']))}::={draw(gaps)}{body}{end}")
    return "".join(lines)


@pytest.mark.slow
@many
@given(grammars())
def test_a_grammar_that_is_valid_by_construction_is_never_refused(grammar: str) -> None:
    assert certain(grammar) == []


@few
@given(grammars())
def test_joining_keeps_every_token_and_leaves_one_line_per_rule(grammar: str) -> None:
    joined = join_rules(grammar)

    before, after = read_grammar(grammar), read_grammar(joined)
    assert [(token.kind, token.text) for token in after.tokens] == [(token.kind, token.text) for token in before.tokens]
    assert sum(token.begins_line for token in after.tokens) == len(after.starts) == len(before.starts)


@few
@given(grammars())
def test_joining_twice_is_joining_once(grammar: str) -> None:
    joined = join_rules(grammar)

    assert join_rules(joined) is joined


# --- anything else


@st.composite
def damaged(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from([*VALID.values(), *INVALID.values()]))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.integers(0, 3))
        new = draw(
            st.one_of(st.sampled_from([*'"[](){}|*+?.\\:=#<>!^-_ \n\r', "::=", "a", "root"]), st.text(max_size=2))
        )
        text = text[:at] + new + text[at + gone :]
    return text


@many
@given(damaged())
@example("\x00")
@example('root ::= "\\')
@example("root ::= [\\")
@example("(" * 3000)
@example("root ::= " + "(" * 30_000 + '"a"' + ")*" * 30_000)
def test_a_damaged_grammar_yields_findings_inside_the_text_and_never_an_exception(text: str) -> None:
    lines = LINE_END.split(text)
    for finding in check_grammar(text):
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
    join_rules(text)


@many
@given(damaged())
def test_what_another_engine_compiles_is_never_refused(text: str) -> None:
    if _llguidance_compiles(text):
        assert certain(text) == []


def _llguidance_compiles(text: str) -> bool:
    try:
        lark = gbnf_to_lark(text)
    except Exception:
        return False
    return not LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(lark))


# --- cost

SHAPES: dict[str, Callable[[int], str]] = {
    "open parentheses": lambda size: "root ::= " + "(" * size,
    "nested groups": lambda size: "root ::= " + "(" * (size // 4) + '"a"' + ")*" * (size // 4),
    "a chain of rules": lambda size: (
        "root ::= a0\n" + "".join(f"a{i} ::= a{i + 1}\n" for i in range(size // 16)) + f'a{size // 16} ::= "x"\n'
    ),
    "a circle of rules": lambda size: (
        "root ::= a0\n" + "".join(f"a{i} ::= a{i + 1}\n" for i in range(size // 16)) + f"a{size // 16} ::= a0\n"
    ),
    "unknown rules": lambda size: "root ::= " + " ".join(f"u{i}" for i in range(size // 7)),
    "bars": lambda size: "root ::= " + "|" * size,
    "escaped quotes": lambda size: 'root ::= "' + '\\"' * (size // 2),
    "a long class": lambda size: "root ::= [" + "a-z" * (size // 3) + "]",
    "the same rule again": lambda size: 'root ::= "a"\n' * (size // 13),
    "repetition of repetition": lambda size: 'root ::= "a"' + "{900}" * (size // 5),
    "many small classes": lambda size: "root ::= " + "[a-z]? " * (size // 7),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_of_checking_grows_in_proportion_to_the_text(shape: str) -> None:
    check_grammar('root ::= "warm"')

    small, large = (steps(lambda size=size: check_grammar(SHAPES[shape](size))) for size in (1024, 8 * 1024))

    # Eight times the text: 8 if linear, 64 if quadratic.
    assert large < 16 * small
