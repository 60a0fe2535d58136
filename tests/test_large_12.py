"""Borrowers and bins counted in parts: the same tables as from one frame, however rows are divided.

The parts are of uneven size, in another order, one of them empty, and one lacks all values of a
number and of a category.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
import pytest

from riskkit import binning, partitions, pipeline, profile, schema, synthetic, target
from riskkit.loan_values import LoanValues
from riskkit.tables import Table, part_path, write_table

LENDER = synthetic.Lender(n_months=30)
BAD = target.BadDefinition()


@pytest.fixture(scope="module")
def world():
    """Applications with two columns lost in a stretch of rows, their panel, and the features."""
    source = synthetic.as_source(LENDER, 6_000, seed=5, bad=BAD)
    applications = source.applications.copy()
    number = next(f.name for f in source.features if f.kind == "numeric" and f.special_codes)
    level = next(f.name for f in source.features if f.kind == "category" and not f.protected)
    applications.loc[1_000:1_699, [number, level]] = None
    return applications, source.performance, source.features


def in_parts(frame, folder, cuts, order, whole=None):
    """A table of the frame's rows between the cuts, the parts in another order."""
    folder.mkdir(parents=True)
    bounds = [0, *cuts, len(frame)]
    parts = [frame.iloc[a:b] for a, b in itertools.pairwise(bounds)]
    for place, number in enumerate(order):
        write_table(parts[number].reset_index(drop=True), part_path(folder, place))
    return Table(folder, whole=whole)


@pytest.fixture(scope="module")
def tables(world, tmp_path_factory):
    """Applications and panel in uneven parts."""
    applications, panel, _ = world
    folder = tmp_path_factory.mktemp("parts")
    order = [3, 1, 0, 4, 2, 5]
    cuts = [1_000, 1_700, 1_700, 1_750, 4_100]
    loans = panel["loan_id"].to_numpy(dtype=object)
    starts = np.flatnonzero(np.append(True, loans[1:] != loans[:-1]))
    of_loans = [int(starts[k]) for k in (300, 900, 900, 910, 1_500)]
    return (
        in_parts(applications, folder / "applications", cuts, order),
        in_parts(panel, folder / "performance", of_loans, order, whole="loan_id"),
    )


@pytest.fixture(autouse=True)
def many_pieces(monkeypatch):
    """Every table in pieces of a part or of a hundred rows, counted by three threads."""
    monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", 100)
    with ThreadPoolExecutor(3) as pool, partitions.using(pool):
        yield


def same(found, expected):
    """Counts alike, other figures to the rounding of their sums; parquet keeps no whole seconds."""
    dates = expected.select_dtypes("datetime").columns
    expected = expected.astype(dict.fromkeys(dates, "datetime64[ms]"))
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, check_freq=False)


def test_the_funnel_and_rates_are_those_of_one_frame(world, tables):
    frame, table = world[0], tables[0]
    assert len(table.pieces()) == 5
    same(profile.funnel_table(table), profile.funnel_table(frame))
    same(profile.rates_by_month(table), profile.rates_by_month(frame))
    same(profile.monthly_trends(table), profile.monthly_trends(frame))
    names = ["channel", "scenario", "term_months", "none of these"]
    same(profile.segment_rates(table, names), profile.segment_rates(frame, names))
    assert profile.segment_rates(table, []).empty
    found, expected = (profile.decline_reasons(one).sort_index() for one in (table, frame))
    same(found, expected)
    assert profile.period_text(table) == profile.period_text(frame)
    assert profile.table_sizes({"a": table}).equals(profile.table_sizes({"a": frame}))
    with pytest.raises(TypeError, match="by of a Table names a column"):
        profile.application_rates(table, frame["channel"])


def test_features_are_described_as_in_one_frame(world, tables):
    (frame, _, features), table = world, tables[0]
    same(profile.feature_profile(table, features), profile.feature_profile(frame, features))
    same(profile.family_profile(table, features), profile.family_profile(frame, features))
    same(profile.code_profile(table, features), profile.code_profile(frame, features))
    found, expected = (profile.then_and_now(one, features[:9]) for one in (table, frame))
    assert found[2] == expected[2] == "calendar year"
    same(found[0], expected[0])
    same(found[1], expected[1])
    # rates are of all rows, whichever are sampled
    sampled = profile.feature_profile(table, features, sample=frame.head(300))
    assert sampled["missing_rate"].equals(profile.feature_profile(frame, features)["missing_rate"])


def test_drift_is_that_of_one_frame(world, tables):
    (frame, _, features), table = world, tables[0]
    expected = profile.drift_table(frame, features, profile.quarters(frame))
    same(profile.drift_table(table, features, profile.quarters), expected)
    same(profile.drift_table(frame, features, profile.quarters), expected)
    with pytest.raises(TypeError, match="period is a function of rows"):
        profile.drift_table(table, features, profile.quarters(frame))


def test_one_day_is_all_base_in_parts_too(tmp_path):
    days = pd.DataFrame({"x": [1.0, 2.0] * 5, "applied_at": pd.Timestamp("2024-01-02")})
    days["application_id"] = np.arange(10)
    table = in_parts(days, tmp_path / "days", [4], [1, 0])
    feature = schema.Feature(name="x", label="x", family="f")
    assert profile.drift_table(table, [feature], profile.quarters).empty
    with pytest.raises(ValueError, match="base must hold at least one row"):
        profile.drift_table(Table(days.head(0)), [feature], profile.quarters)


def test_definitions_of_bad_are_judged_as_on_one_panel(world, tables):
    (frame, panel, _), (applications, book) = world, tables
    terms = frame.set_index("application_id")["term_months"]
    known = LoanValues.from_table(applications, "term_months")
    seen = LENDER.observed_to
    for judge in (
        target.bad_timing,
        target.window_coverage,
        target.window_maturity,
        target.indeterminate_table,
        target.definition_table,
    ):
        same(judge(book, BAD, seen, known), judge(panel, BAD, seen, terms))
    label = partial(target.label_table, definition=BAD, observed_to=seen)
    same(label(book, term_months=known), label(panel, term_months=terms))
    some = LoanValues(frame["application_id"][:9], frame["term_months"][:9])
    with pytest.raises(ValueError, match=r"no term of [\d,]+ loans$"):
        target.bad_timing(book, BAD, seen, some)


def test_the_contract_is_held_block_by_block(world, tables, tmp_path):
    frame, (table, book) = world[0], tables
    assert schema.validate_applications(table) is table
    assert schema.validate_performance(book) is book
    schema.check_target(table)
    # the row 1,800 is in the part of 2,350 rows that comes last but one, after 1,750 others
    wrong = frame.assign(amount=frame["amount"].where(frame.index != 4_200, 0))
    broken = in_parts(wrong, tmp_path / "amount", [1_000, 4_000], [2, 0, 1])
    with pytest.raises(schema.DataContractError, match=r"in rows 1 to 2,000, .* first in row 201"):
        schema.validate_applications(broken)
    twice = pd.concat([frame.head(100), frame.head(3)])
    repeated = in_parts(twice, tmp_path / "twice", [50], [1, 0])
    with pytest.raises(schema.DataContractError, match="application_id: 3 rows repeat an id"):
        schema.validate_applications(repeated)
    with pytest.raises(schema.DataContractError, match="no rows"):
        schema.validate_applications(Table(frame.head(0)))
    with pytest.raises(schema.DataContractError, match="found 0 good and 0 bad"):
        schema.check_target(Table(frame.head(0)))


def test_samples_follow_from_a_rule_that_any_part_can_be_asked(world, tables, tmp_path):
    frame, table = world[0], tables[0]
    for late in (None, pd.Timestamp("2023-05-10")):
        rule = target.sample_rule(table, out_of_time_from=late, seed=3)
        assert rule == target.sample_rule(frame, out_of_time_from=late, seed=3)
        rule.save(tmp_path / "rule.json")
        assert target.SampleRule.load(tmp_path / "rule.json") == rule
        whole = target.assign_samples(frame, out_of_time_from=late, seed=3)
        parts = pd.concat([rule.assign(piece.read()) for piece in table.pieces()])
        assert parts[whole.index].equals(whole)
        same(
            profile.sample_sizes(Table(rule.samples(frame))),
            profile.sample_sizes(rule.samples(frame)),
        )
        assert (rule.assign(rule.training(frame)) == "train").all()
    with pytest.raises(ValueError, match=r"the out_of_time sample needs .* found labels \[\]"):
        target.sample_rule(table, out_of_time_from=pd.Timestamp("2030-01-01"))


@pytest.fixture(scope="module")
def training(world, tmp_path_factory):
    """Loans that teach, as a frame and in uneven parts, and the features offered."""
    frame, _, features = world
    rule = target.sample_rule(frame)
    offered = schema.offered_features(features)
    columns = ["application_id", "customer_id", "applied_at", "default_flag", *offered]
    loans = rule.training(frame)[columns].reset_index(drop=True)
    folder = tmp_path_factory.mktemp("training") / "loans"
    cuts = [len(loans) // 7, len(loans) // 7, len(loans) // 2, len(loans) - 5]
    return rule, loans, in_parts(loans, folder, cuts, [2, 0, 4, 1, 3]), offered


def test_bins_and_their_stability_are_those_of_one_frame(training):
    rule, loans, table, offered = training
    names = offered[:14]
    binner, whole, plain = (
        binning.WoeBinner(min_bads=2, infeasible="one_bin", max_bins=4) for _ in range(3)
    )
    quarters = rule.spans("Q")
    binner.fit(table, "default_flag", features=names, stable_over=quarters)
    whole.fit(loans, "default_flag", features=names, stable_over=quarters)
    plain.fit(loans[names], loans["default_flag"], stable_over=quarters(loans))
    for name, bins in plain.bins_.items():
        assert bins.to_json() == whole.bins_[name].to_json() == binner.bins_[name].to_json()
    for tell in (binning.period_counts, binning.stability):
        expected = tell(binner, loans, loans["default_flag"], rule.quarters(loans))
        same(tell(binner, table, "default_flag", rule.quarters), expected)
    with pytest.raises(TypeError, match="y is a column's name and period a function"):
        binning.stability(binner, table, loans["default_flag"], rule.quarters)
    with pytest.raises(TypeError, match="stable_over of a Table is a function"):
        binner.fit(table, "default_flag", features=names, stable_over=loans["applied_at"])


def test_folds_by_a_hash_are_the_same_however_rows_are_divided(training):
    _, loans, table, offered = training
    names = offered[:12]
    binner = binning.WoeBinner(min_bads=2, infeasible="one_bin")
    binner.fit(table, "default_flag", features=names)
    asked = {"groups": "customer_id", "n_folds": 3}
    found = binning.cross_fitted(binner, table, "default_flag", **asked)
    again = binning.cross_fitted(binner, Table(loans), "default_flag", **asked)
    assert found.iv().equals(again.iv())
    # a recount by hand: each customer in one fold, bins made on the others
    fold = np.full(len(loans), -1)
    hashed = pd.util.hash_array(("fold 1 " + loans["customer_id"]).to_numpy(object))
    fold = hashed % 3
    flag, woe = loans["default_flag"].to_numpy(), np.empty((len(loans), len(names)))
    edges = binner.counts_.edges
    for k in range(3):
        rest = loans[fold != k]
        counts = binning.count_features(rest[names], rest["default_flag"], edges)
        other = binning.WoeBinner(min_bads=2, infeasible="one_bin").fit_counts(counts)
        woe[fold == k] = other.transform(loans.loc[fold == k, names]).to_numpy()
    expected = woe[flag == 0].mean(axis=0) - woe[flag == 1].mean(axis=0)
    assert found.iv()[names].to_numpy() == pytest.approx(expected, rel=1e-9)
    one_class = Table(loans[loans["default_flag"] == 0])
    with pytest.raises(TypeError, match="y and groups are columns' names"):
        binning.cross_fitted(binner, one_class, loans["default_flag"], groups="customer_id")
    few = Table(pd.concat([loans[flag == 0].head(50), loans[flag == 1].head(1)]))
    assert binning.cross_fitted(binner, few, "default_flag", **asked).iv().isna().all()


def test_features_are_selected_from_sums_of_products_as_from_rows(training, tmp_path):
    _, loans, table, offered = training
    names = offered[:25]
    binner = binning.WoeBinner(min_bads=2, infeasible="one_bin")
    binner.fit(table, "default_flag", features=names)
    woe = binner.transform(loans)
    parts = in_parts(woe, tmp_path / "woe", [9, 9, 400], [3, 1, 0, 2])
    limits = {"min_iv": 0.01, "max_correlation": 0.3, "max_vif": 1.15}
    expected = binning.select_features(binner, woe, **limits)
    assert expected["reason"].str.startswith("VIF").any()
    assert expected["reason"].str.startswith("correlation").any()
    same(binning.select_features(binner, parts, **limits), expected)


def test_a_source_is_left_in_parts_and_its_samples_are_of_the_same_customers(tmp_path):
    (tmp_path / "01_borrowers").mkdir()
    stage = pipeline.open_stage(
        "01_borrowers", {"run_dir": str(tmp_path), "output_dir": str(tmp_path / "01_borrowers")}
    )
    frames = synthetic.as_source(LENDER, 700, seed=2)
    assert frames.in_parts(None) is frames
    parts = synthetic.as_source(LENDER, 700, seed=2, parts=stage.scratch("world"), block_size=256)
    for source in (parts, frames.in_parts(stage.scratch("again"))):
        tables = {name: stage.write(name, table) for name, table in source.tables.items()}
        left = source.handed_over(tables)
        for name, table in frames.tables.items():
            same(tables[name].frame(), table)
        told = stage.leave_samples(200)
        assert told.startswith("*Counts are of all 700 applications.")
        people = stage.sampled(left.applications)
        assert 100 < len(people) <= 200
        assert set(stage.sampled(left.performance)["loan_id"]) == set(
            people.loc[people["booked"], "application_id"]
        )
        assert stage.sampled(frames.applications) is frames.applications
    assert not list(stage.output_dir.glob(".*"))


def test_what_there_is_no_room_for_is_refused_in_words(own_source, monkeypatch):
    monkeypatch.setattr("riskkit.schema.free_memory.free_bytes", lambda: 100)
    with pytest.raises(schema.DataContractError, match=r"rows of \d+ columns need .* GiB are free"):
        schema.load_source(own_source())
    monkeypatch.setattr("riskkit.schema.free_memory.free_bytes", lambda: None)
    schema.load_source(own_source())


def test_a_world_in_parts_may_be_of_any_size():
    with pytest.raises(ValueError, match="n_applicants must be at most 10,000,000"):
        synthetic.check_world({"n_applicants": 10_000_001})
    synthetic.check_world({"n_applicants": 20_000_000, "sample_applications": 300_000})
    with pytest.raises(ValueError, match="sample_applications must be >= 0"):
        synthetic.check_world({"sample_applications": -1})
