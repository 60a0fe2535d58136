"""The policy file: what may stand in it, and that everything wrong with it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskkit import schema, synthetic
from riskkit.schema import DataContractError, read_policy

PROJECT = Path(__file__).parents[1]
RULE = "{name: a, label: A, step: rules, any: [%s]}"
GOOD = '{column: x, operator: ">", value: 6}'


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def policy_text(condition: str) -> str:
    return f"name: P\nrules:\n  - {RULE % condition}\n"


def test_a_rule_is_read_as_it_stands(tmp_path: Path) -> None:
    text = (
        "name: P\nrules:\n"
        "  - {name: who, label: Who, step: identity, all: [{column: m, operator: ==, value: no}]}\n"
        "  - name: debt\n    label: D\n    step: rules\n"
        "    all: [{column: d, operator: '>', value: 6, times: i}]\n"
        "declined_reasons: {age: rules, hand: by_hand}\n"
    )
    policy = read_policy(written(tmp_path, text))
    assert [rule.name for rule in policy.rules] == ["who", "debt"]
    assert policy.rules[0].all[0].model_dump() == {
        "column": "m", "operator": "==", "value": "no", "times": "",
    }  # fmt: skip
    assert policy.rules[1].columns == ["d", "i"]
    assert policy.columns == ["m", "d", "i"]
    assert policy.declined_reasons == {"age": "rules", "hand": "by_hand"}
    assert [rule.text() for rule in policy.rules] == ["m == no", "d > 6 × i"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "expected a block of keys"),
        ("name: P\nrules: []", "rules: expected at least one rule, found none"),
        ("rules: []", "name: missing"),
        (f"{policy_text(GOOD)}rule: x", "rule: unknown key; did you mean 'rules'"),
        (policy_text(GOOD).replace("label: A, ", ""), r"rules\[1\].label: missing"),
        (policy_text(GOOD).replace("step: rules", "step: x"), "one of 'identity' or 'rules'"),
        (policy_text(GOOD).replace("name: a", "name: score"), "score is no rule's name"),
        (policy_text(GOOD).replace("name: a", "name: todays_policy"), "todays_policy is no rule's"),
        (policy_text('{column: x, operator: ==, value: "a\\0b"}'), "without the sign NUL"),
        (policy_text(GOOD) + f"  - {RULE % GOOD}\n", r"rules\[2\].name: 'a' is that of rules\[1\]"),
        (policy_text(""), r"rules\[1\]: any or all is missing, with at least one condition"),
        (policy_text(GOOD)[:-2] + f", all: [{GOOD}]}}\n", "both any and all; one of the two"),
        (policy_text(GOOD.replace(">", "=>")), "operator: expected one of"),
        (policy_text(GOOD.replace("6", "[6]")), "expected one value for >.*a list goes with in"),
        (policy_text(GOOD.replace("6", "true")), "expected a number or a date for >, found True"),
        (policy_text(GOOD.replace("6", "~")), "expected a value"),
        (policy_text("{column: x, operator: in, value: 6}"), "expected a list, found '6'"),
        (policy_text("{column: x, operator: in, value: []}"), "a list of at least one value"),
        (policy_text("{column: x, operator: is_missing, value: 1}"), "expected true or false"),
        (policy_text("{column: x, operator: ==, value: 1, times: y}"), "times: only <, <=, >, >="),
        (policy_text("{column: x, operator: ==, value: postgresql://u:pw@h/d}"), "a password"),
        (policy_text(GOOD) + "declined_reasons: {age: rule}", "age: expected one of"),
        (
            policy_text(GOOD) + f"  - {RULE.replace('rules', 'identity') % GOOD}\n",
            "identity is checked before the other rules",
        ),
        ("name: !!python/object:os.system {}", "line 1: tags such as"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_place_and_what_was_expected(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataContractError, match=message):
        read_policy(written(tmp_path, text))


def test_every_violation_is_listed_at_once(tmp_path: Path) -> None:
    text = policy_text("{column: x, operator: in, value: 6}, {column: x, operator: <, value: [1]}")
    with pytest.raises(DataContractError) as refused:
        read_policy(written(tmp_path, text))
    assert len(refused.value.violations) == 2


def test_the_rules_of_the_synthetic_lender_read_columns_it_has() -> None:
    policy = read_policy(PROJECT / "data" / "policies" / "synthetic.yaml")
    known = {feature.name for feature in synthetic.FEATURES}
    assert set(policy.columns) <= known
    assert set(policy.declined_reasons) == {
        "age", "identity", "device", "bureau_status", "own_arrears", "points", "manual_review",
    }  # fmt: skip
    assert schema.PolicyFile.model_validate(policy.model_dump()) == policy
