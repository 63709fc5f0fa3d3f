from __future__ import annotations

import resource

import pytest

from emberway.server.limits import ServerLimits, connections_for


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(1024, 960), (64, 1), (0, 1), (resource.RLIM_INFINITY, 1_000_000)]
)
def test_clients_leave_descriptors_for_everything_else(descriptors: int, connections: int):
    assert connections_for(descriptors) == connections


def test_the_limit_is_that_of_the_process():
    assert ServerLimits().connections == connections_for(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
