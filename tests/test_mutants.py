"""A mapping with something in it spoilt: one message, code 2, nothing written."""

import mutants
import pytest
from studies import compare
from studies.mutants import N_MUTANTS, STUDY

KINDS = list(mutants.MUTATIONS)


def test_the_mapping_that_is_spoilt_works(tmp_path):
    (tmp_path / "loans.csv").write_text(mutants.LOANS)
    (tmp_path / "instalments.csv").write_text(mutants.INSTALMENTS)
    (tmp_path / "mine.yaml").write_text(mutants.text_of(mutants.MAPPING))
    result = mutants.validate(tmp_path / "mine.yaml")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutant_is_one_message_with_code_2_and_nothing_written(kind, tmp_path, record_property):
    faults = []
    # others than those of the study
    for number in range(N_MUTANTS, N_MUTANTS + 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        faults += mutants.verdict(kind, number, folder).faults
    assert faults == []
    compare(STUDY, {"faulty": 0}, record_property, kind=kind)
