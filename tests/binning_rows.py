"""What the test files on binning share: borrowers, bins by hand, counts that must be equal."""

import numpy as np
import pandas as pd

from riskkit.binning import FeatureBins, NumericCounts, WoeBinner

SPECIAL = {"inquiries": [-9.0]}
TINY, LARGEST = 5e-324, 1.7976931348623157e308
STRANGE = [
    "", " ", "a", "a ", " a", "A", "it's", '"', "''", "back\\slash", "\\'", "100%", "%s", "%(x)s",
    ":name", "::int", "$1", "{}", "?", "\u00e9", "e\u0301", "顾客", "😀", "--", ";", "/*", "\n",
    "\t", "null", "NaN",
]  # fmt: skip
STRANGE_NAMES = ['he said "no"', "a b", "SELECT", "ünïcode", "50%", "x:y", "back\\slash", "'"]
FLOATS = [
    -LARGEST, -2.5, -1 / 3, -TINY, -0.0, 0.0, TINY, 0.1, 0.1 + 0.2, 1 / 3, 1.0, 2.5, 1e16, LARGEST,
    np.inf, -np.inf, -9.0, 0.7, 99999999.0, np.nan,
]  # fmt: skip


def borrowers(n=6000):
    """Rows and labels: a rising, a special-coded, a categorical and a free feature."""
    rng = np.random.default_rng(7)
    inquiries = rng.poisson(2, n).astype(float)
    income = rng.lognormal(8, 0.6, n)
    job = rng.choice(["clerk", "driver", "farmer", "rare"], n, p=[0.5, 0.3, 0.195, 0.005])
    thin = rng.random(n) < 0.2
    odds = -2.5 + 0.35 * inquiries - 0.5 * (np.log(income) - 8) + 0.6 * (job == "driver") + thin
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    frame = pd.DataFrame({"inquiries": inquiries, "income": income, "job": job})
    frame.loc[thin, "inquiries"] = -9
    frame.loc[rng.random(n) < 0.1, "income"] = np.nan
    frame["noise"] = rng.normal(size=n)
    return frame, y


def bins_of(goods, bads, missing=(0, 0), *, groups=None):
    """Bins of a number with edges 1, 2, …, or of the levels given; missing last."""
    counts = np.column_stack([[*goods, missing[0]], [*bads, missing[1]]])
    edges = None if groups else np.arange(1.0, len(goods))
    return FeatureBins(name="x", edges=edges, groups=groups, special_codes=(), counts=counts)


def assert_same_counts(found, expected):
    """Every field of the counts of every feature, exactly."""
    assert list(found) == list(expected)
    for name, counts in expected.items():
        other = found[name]
        assert type(other) is type(counts)
        fields = ["cells", "missing", "n_rows"]
        if isinstance(counts, NumericCounts):
            fields += ["edges", "lowest", "highest", "special_codes", "special", "is_boolean"]
        else:
            fields += ["levels"]
        for field in fields:
            np.testing.assert_array_equal(
                getattr(other, field), getattr(counts, field), err_msg=f"{name}: {field}"
            )


def assert_counts_are_those_of_the_rows(binner, X, y):
    """Each bin has the goods and bads of the rows that ``bin_numbers`` puts there."""
    numbers = binner.bin_numbers(X)
    for name, bins in binner.bins_.items():
        for label in (0, 1):
            rows = np.bincount(numbers[name][y == label], minlength=len(bins.counts))
            np.testing.assert_array_equal(rows, bins.counts[:, label], err_msg=str(name))
        expected = bins.woe[numbers[name]]
        np.testing.assert_array_equal(binner.transform(X)[name], expected, err_msg=str(name))


def fitted(X, seed=0, **options):
    """A binner of random labels, so that no two bins share a WoE."""
    rng = np.random.default_rng(seed)
    options = {"min_bin_size": 0.001, "max_bins": 40, "trend": "none"} | options
    X = X.loc[X.index.repeat(rng.integers(20, 60, len(X)))]
    return WoeBinner(**options).fit(X, (rng.random(len(X)) < 0.3).astype(int))


def beside(values):
    """Each value and its two neighbours among the floats."""
    values = np.array(values)
    with np.errstate(over="ignore", under="ignore"):
        return [*values, *np.nextafter(values, np.inf), *np.nextafter(values, -np.inf)]
