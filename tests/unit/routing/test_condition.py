"""The query language: what holds, what is refused, and what a finding tells."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.playbook import Call

from emberway.errors import InvalidConfig
from emberway.routing.comparison import MISSING, OPERATORS
from emberway.routing.condition import LONGEST_SEEN, MOST_COMPARISONS, MOST_LEVELS, compile_query, reads_params
from emberway.routing.facts import Finding, Seen

AT = "$.strategy.conditions[0].query"
METADATA = {"plan": "pro", "age": 30, "ratio": 0.5, "yes": True, "text": "12 apples", "none": None, "list": [1, "b"]}
PARAMS = {
    "model": "gpt-x",
    "max_tokens": 100,
    "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello, world"}],
    "a": {"b": {"c": 1}},
}


NESTED: Any = 1
for _ in range(MOST_LEVELS + 1):
    NESTED = [NESTED]


def find(query: object, metadata: Mapping[str, Any] = METADATA, params: Mapping[str, Any] = PARAMS) -> Finding:
    return compile_query(query, AT)(Call(metadata, params))


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        # equality knows no coercion
        ({"metadata.plan": "pro"}, True),
        ({"metadata.plan": {"$eq": "pro"}}, True),
        ({"metadata.plan": {"$eq": "Pro"}}, False),
        ({"metadata.age": 30}, True),
        ({"metadata.age": 30.0}, True),
        ({"metadata.age": "30"}, False),
        ({"metadata.yes": True}, True),
        ({"metadata.yes": 1}, False),
        ({"metadata.age": True}, False),
        ({"metadata.none": None}, True),
        ({"metadata.missing": None}, False),
        ({"metadata.list": {"$eq": [1.0, "b"]}}, True),
        ({"metadata.list": {"$eq": [True, "b"]}}, False),
        ({"params.a": {"$eq": {"b": {"c": 1}}}}, True),
        ({"params.a": {"$eq": {"b": {"c": 1, "d": 2}}}}, False),
        # $ne holds where there is nothing
        ({"metadata.plan": {"$ne": "free"}}, True),
        ({"metadata.plan": {"$ne": "pro"}}, False),
        ({"metadata.missing": {"$ne": "x"}}, True),
        # numbers are read as parseFloat does
        ({"metadata.age": {"$gt": 29}}, True),
        ({"metadata.age": {"$gt": 30}}, False),
        ({"metadata.age": {"$gte": 30}}, True),
        ({"metadata.age": {"$lt": 31}}, True),
        ({"metadata.age": {"$lte": 29.9}}, False),
        ({"metadata.age": {"$gt": "29.5 years"}}, True),
        ({"metadata.text": {"$gt": 11}}, True),
        ({"metadata.text": {"$lt": 12}}, False),
        ({"metadata.plan": {"$gt": 0}}, False),
        ({"metadata.plan": {"$lte": 0}}, False),
        ({"metadata.yes": {"$gt": 0}}, False),
        ({"metadata.missing": {"$lt": 1}}, False),
        ({"metadata.list": {"$gt": 0}}, False),
        ({"metadata.age": {"$lt": "Infinity"}}, True),
        ({"metadata.age": {"$gt": 18, "$lt": 65}}, True),
        ({"metadata.age": {"$gt": 18, "$lt": 20}}, False),
        # lists
        ({"metadata.plan": {"$in": ["pro", "team"]}}, True),
        ({"metadata.plan": {"$in": []}}, False),
        ({"metadata.age": {"$in": ["30", 30.0]}}, True),
        ({"metadata.yes": {"$in": [1, "true"]}}, False),
        ({"metadata.plan": {"$nin": ["free"]}}, True),
        ({"metadata.plan": {"$nin": ["pro"]}}, False),
        ({"metadata.missing": {"$nin": ["x"]}}, True),
        ({"metadata.missing": {"$in": [None]}}, False),
        # patterns
        ({"metadata.plan": {"$regex": "^p.o$"}}, True),
        ({"metadata.plan": {"$regex": "P"}}, False),
        ({"metadata.plan": {"$regex": "(?i)P"}}, True),
        ({"metadata.plan": {"$regex": ""}}, True),
        ({"metadata.missing": {"$regex": ""}}, False),
        ({"metadata.none": {"$regex": ".*"}}, False),
        ({"metadata.age": {"$regex": "^3"}}, True),
        ({"metadata.yes": {"$regex": "true"}}, True),
        ({"metadata.list": {"$regex": "b"}}, False),
        ({"metadata.plan": {"$regex": "o$", "$eq": "pro"}}, True),
        ({"metadata.plan": {"$regex": "o$", "$eq": "no"}}, False),
        # paths of any depth
        ({"params.a.b.c": 1}, True),
        ({"params.a.b.x": 1}, False),
        ({"params.messages[1].role": "user"}, True),
        ({"params.messages.1.content": {"$regex": "world"}}, True),
        ({"params.messages[2].role": "user"}, False),
        ({"params.messages.role": "user"}, False),
        ({"params.model.x": "gpt-x"}, False),
        ({"url.pathname": "/v1/chat/completions"}, True),
        ({"url.pathname": {"$regex": "embeddings"}}, False),
        ({"params.messages[0].content": "Be short."}, True),
        ({"params.messages.00.role": "system"}, True),
        ({"params.messages.-1.role": "user"}, False),
        # and, or, both beside fields
        ({}, True),
        ({"metadata.plan": "pro", "metadata.age": 30}, True),
        ({"metadata.plan": "pro", "metadata.age": 31}, False),
        ({"$and": []}, True),
        ({"$or": []}, False),
        ({"$or": [{"metadata.plan": "x"}, {"metadata.age": 30}]}, True),
        ({"$and": [{"metadata.plan": "pro"}, {"metadata.age": 1}]}, False),
        ({"$or": [{"metadata.plan": "pro"}], "metadata.age": 1}, False),
        ({"metadata.age": 30, "$and": [{"$or": [{"$and": [{"metadata.plan": "pro"}]}]}]}, True),
        ({"metadata.plan": {}}, True),
    ],
)
def test_a_query_holds_or_not(query: object, holds: bool) -> None:
    assert find(query).holds is holds


@pytest.mark.parametrize(
    ("query", "path", "said"),
    [
        (None, "", "A query is an object"),
        ([], "", "A query is an object"),
        ({"metadata.plan": {"$equals": 1}}, ".metadata.plan.$equals", "Did you mean"),
        ({"metadata.plan": {"eq": 1}}, ".metadata.plan.eq", "Did you mean '$eq'"),
        ({"metadata.plan": {"nested": 1}}, ".metadata.plan.nested", "There are $eq"),
        ({"$nor": []}, ".$nor", "Did you mean '$or'"),
        ({"$eq": 1}, ".$eq", "belongs to a field"),
        ({"$xyz": 1}, ".$xyz", "A query's keys"),
        ({"$and": {}}, ".$and", "takes a list of queries"),
        ({"$or": [{}, 1]}, ".$or[1]", "A query is an object"),
        ({"$or": [{"metadata.x": {"$in": 1}}]}, ".$or[0].metadata.x.$in", "a list of values"),
        ({"metadata.x": {"$nin": "a"}}, ".metadata.x.$nin", "a list of values"),
        ({"metadata.x": {"$gt": "many"}}, ".metadata.x.$gt", "a number"),
        ({"metadata.x": {"$lte": True}}, ".metadata.x.$lte", "a number"),
        ({"metadata.x": {"$regex": 1}}, ".metadata.x.$regex", "a pattern as a text"),
        ({"metadata.x": {"$regex": "a("}}, ".metadata.x.$regex", "is not closed"),
        ({"metadata.x": {"$regex": "(?=a)"}}, ".metadata.x.$regex", "look-ahead"),
        ({"metadata.x": {"$regex": r"(a)\1"}}, ".metadata.x.$regex", "back-references"),
        ({"metadata.x": {"$regex": "a" * 513}}, ".metadata.x.$regex", "513 bytes"),
        ({"metadata": 1}, ".metadata", "metadata.plan"),
        ({"metdata.plan": 1}, ".metdata.plan", "Write 'metadata.plan'"),
        ({"url.path": 1}, ".url.path", "url.pathname"),
        ({"params.a[": 1}, ".params.a[", "cannot be read"),
        ({"params.a[x]": 1}, ".params.a[x]", "cannot be read"),
        ({"params.a..b": 1}, ".params.a..b", "cannot be read"),
        ({"params.a[01]": 1}, ".params.a[01]", "cannot be read"),
        ({"params.a[0]b": 1}, ".params.a[0]b", "cannot be read"),
        ({"params.[0]": 1}, ".params.[0]", "cannot be read"),
        ({"metadata.": 1}, ".metadata.", "metadata.plan"),
        ({"metadata.x": {"$ne": NESTED}}, ".metadata.x.$ne", "at most 32 lists and objects"),
        ({"metadata.x": {"$in": [NESTED]}}, ".metadata.x.$in", "a list of values"),
        ({"m" * 500: 1}, "." + "m" * 64, "none of metadata"),
    ],
)
def test_a_query_that_cannot_be_asked_says_where_and_what_to_write(query: object, path: str, said: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        compile_query(query, AT)

    assert caught.value.param == AT + path
    assert said in caught.value.message


def test_a_query_has_bounds() -> None:
    deep: object = {}
    for _ in range(MOST_LEVELS):
        deep = {"$and": [deep]}
    one = {"metadata.x": {"$in": [1]}}

    assert find(deep).holds
    assert not find({"$or": [one] * MOST_COMPARISONS}).holds
    for query in ({"$or": [deep]}, *({"$or": [each] * (MOST_COMPARISONS + 1)} for each in (one, {}, {"$and": []}))):
        with pytest.raises(InvalidConfig):
            compile_query(query, AT)


def test_a_body_as_deep_as_json_goes_is_compared_and_told() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]

    found = find({"params.deep": {"$eq": [[1]], "$ne": 1}, "params.deep.0.0.0.0": {"$ne": 5}}, params={"deep": deep})

    assert not found.holds
    assert found.seen[0].found == [[[]]]


def test_a_key_that_is_spelt_with_dots_comes_before_the_path() -> None:
    metadata = {"user.plan": "pro", "user": {"plan": "free", "name": "x"}, "a[0]": 1}

    assert find({"metadata.user.plan": "pro"}, metadata).holds
    assert find({"metadata.user.name": "x"}, metadata).holds
    assert find({"metadata.a[0]": 1}, metadata).holds


def test_a_finding_tells_each_comparison_until_the_answer_was_certain() -> None:
    query = {"$or": [{"metadata.plan": "free"}, {"metadata.age": {"$gt": 18}}, {"metadata.x": 1}]}

    assert find(query) == Finding(
        True,
        (
            Seen("metadata.plan", "$eq", "free", "pro", False),
            Seen("metadata.age", "$gt", 18, 30, True),
        ),
    )
    assert find({"metadata.missing": 1}).seen[0].found is None


def test_a_finding_cuts_what_is_long() -> None:
    body = {"x": "y" * 10_000, "list": [{"a": "b" * 1000}] * 1000}

    for path in ("params.x", "params.list"):
        (seen,) = find({path: {"$ne": 1}}, params=body).seen
        assert len(msgspec.json.encode(seen.found)) <= 10 * LONGEST_SEEN


def test_only_a_query_about_the_body_reads_it() -> None:
    assert reads_params({"$or": [{"metadata.a": 1}, {"$and": [{"params.x": 1}]}]})
    assert not reads_params({"metadata.params": 1, "url.pathname": "/"})
    assert not reads_params({"metadata.a": {"$eq": {"params.x": 1}}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["metadata.plan", "metadata.a.b", "params.list[0]", "params.list.1", "params.a", "url.pathname"])
NAMES = st.sampled_from(list(OPERATORS))
FEW = st.sampled_from([None, True, 0, 1, "a", "b"])
COMPARISONS = st.dictionaries(st.sampled_from(["$eq", "$ne"]), FEW, max_size=2) | FEW.map(
    lambda one: {"$in": [one, "a"]}
)
FIELDS = st.dictionaries(KEYS, COMPARISONS | FEW, max_size=2)
QUERIES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    FIELDS,
    lambda below: st.builds(
        lambda groups, fields: groups | fields,
        st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(below, max_size=3), max_size=2),
        FIELDS,
    ),
    max_leaves=6,
)
VALUES = FEW | st.dictionaries(st.just("b"), FEW)
METADATA = st.dictionaries(st.sampled_from(["plan", "a"]), VALUES)
PARAMS = st.dictionaries(st.sampled_from(["list", "a"]), st.lists(VALUES, max_size=3) | VALUES)
ANY_QUERY = JSON | QUERIES | st.dictionaries(KEYS, st.dictionaries(NAMES, JSON, max_size=2) | JSON, max_size=3)
ANY_CALL = st.dictionaries(st.sampled_from(["plan", "a", "list"]), JSON)


@given(ANY_QUERY, ANY_CALL, ANY_CALL)
def test_any_query_is_refused_or_answers_for_any_call(query: object, metadata: Any, params: Any) -> None:
    examine = None
    with suppress(InvalidConfig):
        examine = compile_query(query, AT)
    if examine is None:
        return

    found = examine(Call(metadata, params))

    msgspec.json.encode(found.seen)
    assert found.holds in (True, False)


@given(QUERIES, METADATA, PARAMS)
def test_a_compiled_query_says_what_a_plain_reading_of_it_says(
    query: dict[str, Any], metadata: Any, params: Any
) -> None:
    call = Call(metadata, params)

    holds = compile_query(query, AT)(call).holds

    assert holds is plain(query, {"metadata": metadata, "params": params, "url": {"pathname": call.path}})


def plain(query: Any, call: Any) -> bool:
    """The query language, as slow and plain as can be."""
    for key, value in query.items():
        if key in ("$and", "$or"):
            answers = [plain(each, call) for each in value]
            holds = all(answers) if key == "$and" else any(answers)
        else:
            found = call
            for step in key.replace("[", ".").replace("]", "").split("."):
                by = int(step) if isinstance(found, list) and step.isdigit() else step
                try:
                    found = found[by] if isinstance(found, list | dict) else MISSING
                except (KeyError, IndexError, TypeError):
                    found = MISSING
            operators = value if isinstance(value, dict) else {"$eq": value}
            holds = all(OPERATORS[name](operand)(found) for name, operand in operators.items())
        if not holds:
            return False
    return True
