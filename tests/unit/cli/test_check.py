from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emberway.cli.check import check


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(check, arguments, input=stdin)


def test_a_good_grammar_ends_with_0_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.gbnf"
    file.write_text('root ::= "yes" | "no"\n')

    result = run("grammar", str(file))

    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{file}: ok\n", "")


def test_a_bad_grammar_ends_with_1_and_shows_the_place_under_a_caret() -> None:
    result = run("grammar", "-", stdin='# numbers\n\troot ::= "数" nubmer\nnumber ::= [0-9]\n'.encode())

    assert result.exit_code == 1
    assert result.stdout == (
        "<stdin>:2:15: rule `nubmer` is not defined: did you mean `number`?\n"
        '  \troot ::= "数" nubmer\n'
        "  \t              ^\n"
    )


def test_a_doubt_is_a_warning_on_stderr_and_ends_with_0() -> None:
    result = run("grammar", "-", stdin=b'root ::= a_b\na_b ::= "x"\n')

    assert result.exit_code == 0
    assert result.stdout == "<stdin>: ok, 1 warning\n"
    assert result.stderr.startswith("<stdin>:1:10: warning: the name `a_b`")


def test_a_bad_schema_shows_path_and_place() -> None:
    result = run("schema", "-", stdin=b'{"type": "object",\n "properties": {"age": {"type": "int"}}}')

    assert result.exit_code == 1
    assert result.stdout == (
        "<stdin>:2:33: $.properties.age.type: 'int' is no type: did you mean `integer`?\n"
        '   "properties": {"age": {"type": "int"}}}\n'
        "                                  ^\n"
    )


def test_a_schema_that_is_not_json_shows_where_it_stops() -> None:
    result = run("schema", "-", stdin=b'{\n  "type": object\n}')

    assert result.exit_code == 1
    assert result.stdout.startswith("<stdin>:2:11: not JSON: ")


def test_several_files_are_checked_and_one_bad_one_decides(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"type": "string"}')
    bad.write_text('{"$ref": "#/$defs/a"}')

    result = run("schema", str(good), str(bad), str(good))

    assert result.exit_code == 1
    assert result.stdout.count(f"{good}: ok") == 2
    assert f"{bad}:1:10: $.$ref: `#/$defs/a` leads nowhere" in result.stdout


def test_json_output_is_one_array_of_all_findings(tmp_path: Path) -> None:
    file = tmp_path / "a.gbnf"
    file.write_text('root ::= "a" )\n')

    result = run("grammar", "--json", str(file), str(file))

    assert result.exit_code == 1
    findings = json.loads(result.stdout)
    assert len(findings) == 2
    assert findings[0] == {
        "file": str(file),
        "line": 1,
        "column": 14,
        "reason": "this `)` closes nothing: remove it, or open a group with `(` before it",
        "certain": True,
    }


def test_json_output_of_good_files_is_an_empty_array() -> None:
    assert json.loads(run("grammar", "--json", "-", stdin=b'root ::= "a"').stdout) == []


def test_text_that_is_not_utf8_is_refused_at_the_byte() -> None:
    result = run("grammar", "-", stdin=b'root ::= a\na ::= "caf\xe9"\n')

    assert result.exit_code == 1
    assert result.stdout.startswith("<stdin>:2:11: the text is not UTF-8\n")


def test_a_long_line_is_shown_around_the_caret() -> None:
    result = run("grammar", "-", stdin=b"root ::= " + b'"a" ' * 200 + b") " + b'"b" ' * 200)

    _, source, caret = result.stdout.splitlines()
    assert len(source) == 102
    assert source[caret.index("^")] == ")"


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    result = run("grammar", "-", stdin=b'root ::= "\x1b[31m" <\x1b]0;x> )\n')

    assert "\x1b" not in result.output


def test_a_missing_file_is_a_usage_error() -> None:
    assert run("grammar", "no/such/file").exit_code == 2


@pytest.mark.parametrize("command", [[], ["grammar"], ["schema"]])
def test_help_begins_with_examples(command: list[str]) -> None:
    help_text = run(*command, "--help").stdout

    assert help_text.index("Examples:") < help_text.index("Options:")
    assert "emberway check" in help_text.split("Options:")[0].split("Examples:")[1]
