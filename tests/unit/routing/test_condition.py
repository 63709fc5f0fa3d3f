"""The query language: what holds, what is refused, and what a finding tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.playbook import Call

from emberway.errors import InvalidConfig
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
        ({"metadata.x": {"$regex": "a("}}, ".metadata.x.$regex", "no regular expression"),
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
    ],
)
def test_a_query_that_cannot_be_asked_says_where_and_what_to_write(query: object, path: str, said: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        compile_query(query, AT)

    assert caught.value.param == AT + path
    assert said in caught.value.message


def test_a_query_has_bounds() -> None:
    deep: object = {}
    for _ in range(MOST_LEVELS + 1):
        deep = {"$and": [deep]}
    many = {"$or": [{"metadata.x": {"$in": [1]}} for _ in range(MOST_COMPARISONS + 1)]}

    for query in (deep, many):
        with pytest.raises(InvalidConfig):
            compile_query(query, AT)


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
        assert len(seen.found) <= LONGEST_SEEN + 1


def test_only_a_query_about_the_body_reads_it() -> None:
    assert reads_params({"$or": [{"metadata.a": 1}, {"$and": [{"params.x": 1}]}]})
    assert not reads_params({"metadata.params": 1, "url.pathname": "/"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["metadata.plan", "metadata.a.b", "params.list[0]", "params.a", "url.pathname", "$and", "$or"])
OPERATORS = st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex"])
QUERIES: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(KEYS, st.dictionaries(OPERATORS, JSON, max_size=2) | JSON, max_size=3),
    lambda below: st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(below, max_size=3), max_size=2),
    max_leaves=6,
)


@given(
    QUERIES | JSON, st.dictionaries(st.sampled_from(["plan", "a"]), JSON), st.dictionaries(st.text(max_size=4), JSON)
)
def test_any_query_is_refused_or_answers_for_any_call(
    query: object, metadata: dict[str, Any], params: dict[str, Any]
) -> None:
    examine = None
    with suppress(InvalidConfig):
        examine = compile_query(query, AT)
    if examine is None:
        return

    found = examine(Call(metadata, params))

    json.dumps([tuple(each) for each in found.seen])
    assert found.holds in (True, False)
