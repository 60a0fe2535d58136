"""The policy's tables on columns that nobody would list: amounts half known, flags with holes."""

import numpy as np
import pandas as pd
import pytest

from riskkit import policy, trials
from riskkit.binning import WoeBinner
from riskkit.schema import Feature


def asked(**columns):
    frame = pd.DataFrame(
        {
            "approved": [False, True, True, True],
            "booked": [False, False, True, True],
            "default_flag": [np.nan, np.nan, 0.0, 1.0],
            "declined_reason": ["age", None, None, None],
            "amount": [500_00, 700_00, 900_00, 900_00],
        }
    )
    return frame.assign(**columns)


def left(applications):
    lost = policy.lost_today(applications, {"age": "rules"})
    return policy.funnel_table(applications, lost)


@pytest.mark.parametrize("dtype", ["float64", "Int64"])
def test_what_was_paid_out_is_asked_of_loans_alone(dtype):
    paid = pd.Series([None, None, 800_00, 600_00], dtype="float64").astype(dtype)
    assert left(asked(booked_amount=paid)).loc["disbursed", "ticket_amount"] == 700.0


@pytest.mark.parametrize("dtype", ["boolean", "float64", "object"])
def test_who_was_made_no_offer_has_not_taken_one(dtype):
    taken = pd.Series([None, False, True, None], dtype="object").astype(dtype)
    table = left(asked(accepted=taken))
    assert table["applications"].tolist() == [4, 4, 3, 3, 3, 2, 2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"amount": [5.0, np.nan, 5.0, 5.0]}, "amount must not be missing, got NaN in 1 of 4"),
        ({"amount": [2**62] * 4}, "amount must add up to less than"),
        ({"booked_amount": [1.0, 1.0, np.nan, 1.0]}, "booked_amount must not be missing"),
        ({"approved": [1.0, np.nan, 1.0, 1.0]}, "approved must be true or false everywhere"),
        ({"booked": [0.0, 2.0, 1.0, 1.0]}, "booked must be true or false everywhere"),
    ],
)
def test_a_funnel_of_what_is_not_known_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        left(asked(**columns))


def test_flags_with_holes_are_refused_everywhere():
    holed = asked(approved=pd.array([True, None, True, True], dtype="boolean"))
    later = np.array([True, True, False, False])
    for call in (
        lambda: policy.reason_shift(holed, later),
        lambda: policy.override_table(holed, np.arange(4.0)),
        lambda: trials.trial_table(holed, pd.Series(list("aabb"))),
    ):
        with pytest.raises(ValueError, match="approved must be true or false everywhere"):
            call()
    with pytest.raises(ValueError, match="who is booked was approved; 1 rows say otherwise"):
        trials.trial_table(asked(approved=[False, True, False, True]), pd.Series(list("aabb")))


def test_a_channel_called_as_the_sum_is_does_not_hide_it():
    n = 400
    rng = np.random.default_rng(0)
    channel = pd.DataFrame({"channel": rng.choice(["all", "app"], n)})
    origin = policy.traffic(channel)
    assert set(origin) == {"called all", "app"}
    assert set(policy.traffic(channel[channel["channel"] == "all"])) == {"all"}
    later = pd.Series(np.arange(n) % 2 == 0)
    applications = pd.DataFrame({"approved": rng.random(n) < 0.5, "booked": False})
    lost = policy.lost_today(applications, {})
    moves = policy.approval_moves(lost, later, origin=origin)["points"].xs("change", level="factor")
    assert moves.drop("all").sum() == pytest.approx(moves["all"])
    with pytest.raises(ValueError, match="no origin may be called 'all'"):
        policy.approval_moves(lost, later, origin=channel["channel"])
    with pytest.raises(ValueError, match="n_draws must be at least 2, got 1"):
        policy.approval_moves(lost, later, n_draws=1)


def test_periods_and_bands_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"a whole number, got 1\.5"):
        policy.two_periods(pd.Series(pd.to_datetime(["2024-01-01"])), 1.5)
    with pytest.raises(ValueError, match="applied_at must be dates"):
        policy.two_periods(pd.Series(["2024-01-01"]), 1)
    with pytest.raises(ValueError, match=r"approved must lie in \[0, 10\], got 11"):
        policy.band_findings(11, 10, 0.0, 1.0)


def test_mined_cuts_of_huge_numbers_can_be_read_again():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"debt": rng.integers(1, 40, 3_000) * 1e16})
    y = (rng.random(3_000) < np.where(X["debt"] > 3.5e17, 0.6, 0.1)).astype(float)
    debt = Feature(name="debt", label="Debt", family="bureau")
    mined = policy.mine_rules(WoeBinner().fit(X, y), X, y, [debt], max_loss_rate=0.3, n_rules=1)
    judged = policy.judge_mined(mined, X, y)
    assert judged["fires"].tolist() == mined["fires"].tolist()
    assert mined["fires"].item() > 0
