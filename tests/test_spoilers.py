"""A spoilt file is read as the clean one, or one message names column, row and fault."""

import pytest
import spoilers
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import compare
from studies.spoilers import N_DRAWS, STUDY

NAMES = list(spoilers.SPOILERS)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.integers(N_DRAWS, 10**6))
def test_a_spoilt_file_is_read_as_the_clean_one_or_named(name, seed):
    what, told = spoilers.outcome(name, seed)
    assert what in ("read", "refused"), f"{what}: {told}"


@pytest.mark.parametrize("name", NAMES[::12])
def test_what_became_of_spoilt_files_is_what_the_study_found(name, record_property):
    outcomes = [spoilers.outcome(name, seed)[0] for seed in range(2)]
    third = sum(what not in ("read", "refused") for what in outcomes)
    compare(STUDY, {"neither": third}, record_property, spoiler=name)
