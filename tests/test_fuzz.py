"""What is drawn at random at a door comes back as a result or one message."""

import fuzz
import pytest


@pytest.mark.parametrize("door", list(fuzz.DOORS))
def test_nothing_drawn_at_a_door_ends_in_a_traceback_or_a_changed_file(door):
    # by another number than those of the study
    tried, bad = fuzz.fuzz(door, 25, 99)
    assert tried >= 20
    assert bad == []
