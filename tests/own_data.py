"""A user's own data in miniature: three loans and the mapping that describes them."""

import copy

OWN_CSV = """id,when,wanted,months,outcome,last,income
1,2023-01-15,1000.50,12,paid,2023-06-01,3000
2,2023-02-15,2000,6,lost,2023-04-01,
3,2023-02-20,500,3,paid,2023-09-01,2500
"""
OWN_MAPPING = {
    "name": "mine",
    "title": "My loans",
    "currency": "CNY",
    "amounts_in": "major",
    "accepted_only": True,
    "observed_to": "2023-09-30",
    "applications": {
        "path": "loans.csv",
        "columns": {
            "application_id": "id",
            "applied_at": "when",
            "amount": "wanted",
            "term_months": "months",
        },
    },
    "outcomes": {
        "event": {"column": "outcome", "default": ["lost"], "repaid": ["paid"]},
        "last_payment": "last",
        "default_lag_months": 1,
    },
    "bad": {"window_months": None},
    "features": {
        "income": {"column": "income", "type": "number", "label": "Income", "family": "own"}
    },
}


def changed(**changes):
    """The mapping with nested keys set, or removed where the value is ...."""
    mapping = copy.deepcopy(OWN_MAPPING)
    for dotted, value in changes.items():
        *blocks, key = dotted.split("__")
        block = mapping
        for name in blocks:
            block = block[name]
        if value is ...:
            del block[key]
        else:
            block[key] = value
    return mapping


INCOME = OWN_MAPPING["features"]["income"]
LABEL = {"column": "outcome", "bad": ["lost"], "good": ["paid"]}
# a label and features, and nothing else
PLAIN = {
    "observed_to": ...,
    "outcomes": ...,
    "label": LABEL,
    "applications__columns": {"amount": "wanted"},
}
