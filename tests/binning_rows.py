"""What the test files on binning share: borrowers, bins by hand, counts that must be equal."""

import numpy as np
import pandas as pd

from riskkit.binning import FeatureBins, NumericCounts

SPECIAL = {"inquiries": [-9.0]}


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
