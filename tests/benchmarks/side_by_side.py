"""riskkit beside other tools, each in an environment of its own, on the same rows in one run.

    .venv/bin/python tests/benchmarks/side_by_side.py [--write]

prints the tables; ``--write`` also puts them into docs/compare.md, between its marks. The first
time, each tool of ``peers/*.txt`` is installed into ``.peers/NAME`` (6 GB in all); what a tool does
stands in ``peers/binners.py`` and ``peers/beyond.py``, what to beware of in ``peers/traps.py``. A
tool that fails or takes longer than the limit is in the table with its message.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from riskkit import metrics, synthetic, vintage
from riskkit.binning import WoeBinner
from riskkit.scorecard import ScoreScale

PROJECT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "peers"
FOLDER = PROJECT / ".peers"
PAGE = PROJECT / "docs" / "compare.md"
LIMIT_SECONDS = 300

NUMBERS = (
    "stated_income", "verified_income", "amount_to_income", "face_match_score", "months_on_number",
    "phone_arrears_count", "contacts_stability_share", "finance_apps_count", "spend_6m",
    "night_spend_share", "utilities_on_time_share", "inquiries_90d", "lenders_180d", "utilisation",
    "oldest_account_months",
)  # fmt: skip
LEVELS = ("channel", "scenario", "occupation", "device_price_tier", "name_phone_match")
CODES = [-9.0, -8.0]
BINNERS = (
    "riskkit", "riskkit, no trend", "optbinning", "toad", "scorecardpy", "scorecardpipeline",
    "woe-scoring", "fastbinning", "tide-binning", "bayesrisk",
)  # fmt: skip
BEYOND = {
    "declined": ("riskkit, of declined", "rejectkit"),
    "cutoffs": ("riskkit, of cutoffs", "pycreditools"),
    "cohorts": ("riskkit, of cohorts", "cranalytics"),
}
PEERS = (
    "optbinning", "toad", "scorecardpy", "scorecardpipeline", "woe-scoring", "fastbinning",
    "tide-binning", "bayesrisk", "pycreditools", "rejectkit", "cranalytics",
)  # fmt: skip


def python_of(name):
    """Python of a tool's own environment, which is made if its requirements are new."""
    if name.startswith("riskkit"):
        return Path(sys.executable)
    wanted = (SCRIPTS / f"{name}.txt").read_text()
    home = FOLDER / name
    stamp = home / "requirements.sha256"
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"installing {name} into {home.relative_to(PROJECT)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet"]
        pip += ["--disable-pip-version-check", "--requirement", SCRIPTS / f"{name}.txt"]
        subprocess.run(pip, check=True)
        stamp.write_text(digest)
    return home / "bin" / "python"


def ask(script, name, folder, leaves=None):
    """What a tool's own process leaves, or {"failed": its last line}."""
    answer = folder / f"{leaves or name}.json"
    answer.unlink(missing_ok=True)
    paths = [str(PROJECT / "src")] if name.startswith("riskkit") else []
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    try:
        done = subprocess.run(
            [python_of(name), SCRIPTS / script, name, folder],
            env={**os.environ, **alone, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {LIMIT_SECONDS} s"}
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "no message").strip().splitlines()
        return {"failed": said[-1][:200]}
    return json.loads(answer.read_text()) if answer.exists() else {"failed": done.stderr[-200:]}


# -- the rows --------------------------------------------------------------------------------------


def write_rows(folder, n_fit=100_000, n_applicants=40_000):
    """Common rows of the synthetic lender; loans to bin, scores, applicants, and a book."""
    folder.mkdir(parents=True, exist_ok=True)
    # about a third of all applicants have a loan whose outcome is known
    people = synthetic.simulate(synthetic.Lender(), int(n_fit * 4.8), 21).applications
    people = people[people["default_flag"].notna()].head(n_fit * 3 // 2)
    rows = people[[*NUMBERS, *LEVELS]].assign(bad=people["default_flag"].astype("int64"))
    fit, unused = rows.iloc[:n_fit], rows.iloc[n_fit:]
    fit.reset_index(drop=True).to_parquet(folder / "fit.parquet")
    # an index of their own: bayesrisk knows rows by it
    unused.set_axis(range(n_fit, len(rows))).to_parquet(folder / "unused.parquet")
    write_scores(folder, fit)
    write_applicants(folder, n_applicants)
    write_book(folder, 2 * n_applicants)


def write_scores(folder, fit):
    X, y = fit.drop(columns="bad"), fit["bad"].to_numpy()
    woe = WoeBinner(special_codes=CODES).fit(X, y).transform(X).to_numpy()
    p = LogisticRegression(max_iter=1000).fit(woe, y).predict_proba(woe)[:, 1]
    scale = ScoreScale()
    score = (scale.offset + scale.factor * np.log((1 - p) / p)).round().astype("int64")
    pd.DataFrame({"score": score, "bad": y}).to_parquet(folder / "scores.parquet")


def write_applicants(folder, n_applicants):
    """Half of them as a lender knows them, half to judge by, with everybody's simulated outcome."""
    portfolio = synthetic.simulate(synthetic.Lender(), n_applicants, 22)
    people = portfolio.applications
    bad = portfolio.truth["simulated_default_12m"].to_numpy().astype(int)
    labelled, declined = people["default_flag"].notna(), ~people["approved"]
    X = people[[*NUMBERS, *LEVELS]]
    half = np.arange(len(people)) < len(people) // 2
    taught = half & labelled
    binner = WoeBinner(special_codes=CODES)
    woe = binner.fit(X[taught], people.loc[taught, "default_flag"]).transform(X).to_numpy()
    known = people["default_flag"].fillna(0).to_numpy().astype(int)
    np.savez(
        folder / "applicants.npz",
        woe=woe[half],
        bad=known[half],
        labelled=labelled.to_numpy()[half],
        declined=declined.to_numpy()[half],
        other_woe=woe[~half],
    )
    np.savez(
        folder / "ends.npz",
        other_bad=bad[~half],
        declined_bad_rate=bad[half & declined].mean(),
    )


def write_book(folder, n_applicants, seen_to="2023-12-31", last_mob=15):
    """Loans of twelve months, seen to a day, and how the young cohorts went on."""
    portfolio = synthetic.simulate(synthetic.Lender(), n_applicants, 23)
    of_year = portfolio.applications.query("term_months == 12")["application_id"]
    panel = portfolio.performance[portfolio.performance["loan_id"].isin(of_year)]
    panel = panel[panel["mob"] <= last_mob]
    seen = panel[panel["month_end"] <= seen_to].reset_index(drop=True)
    seen.to_parquet(folder / "panel.parquet")

    def curves_of(book):
        table = vintage.vintage_table(vintage.cohort_counts(book, dpd=(60,)), dpd=60)
        return table.set_axis(pd.Index(table.index.strftime("%Y-%m"), name="vintage_date"))

    curves = curves_of(seen).rename_axis(columns="months_on_book").reset_index()
    curves = curves.melt("vintage_date", value_name="cumulative_loss_rate").dropna()
    curves = curves.astype({"months_on_book": "int64"})
    curves.sort_values(["vintage_date", "months_on_book"]).to_parquet(folder / "curves.parquet")
    # as old as half of what they can still become, or younger; ended before the world does
    young = curves_of(panel).loc["2023-01":"2023-08", last_mob]
    young.to_frame("end_rate").to_parquet(folder / "cohorts.parquet")


# -- the tables ------------------------------------------------------------------------------------


def information(woe, y):
    """IV of a column of WoE, whatever tool it is of: each distinct value is a bin."""
    _, place = np.unique(woe, return_inverse=True)
    cells = np.stack([np.bincount(place, 1 - y), np.bincount(place, y)], axis=1)
    total = cells.sum(axis=0)
    # a bin without goods or bads by half a count, as in riskkit
    smooth = cells + 0.5 * (cells == 0).any(axis=1, keepdims=True)
    share = cells / total
    return float(((share[:, 0] - share[:, 1]) * np.log(np.divide(*(smooth / total).T))).sum())


def binning_table(folder, names=BINNERS):
    """A row a tool: seconds, memory, IV and ranking of rows not used, or its message."""
    y = {
        part: pd.read_parquet(folder / f"{part}.parquet", columns=["bad"])["bad"].to_numpy()
        for part in ("fit", "unused")
    }
    rows, scores = {}, {}
    for name in names:
        found = ask("binners.py", name, folder)
        rows[name] = found
        if "failed" in found:
            continue
        woe = np.load(folder / f"{name}.npz")
        for part in ("fit", "unused"):
            found[f"iv_{part}"] = sum(information(column, y[part]) for column in woe[part].T)
        model = LogisticRegression(max_iter=1000).fit(woe["fit"], y["fit"])
        scores[name] = 1 - model.predict_proba(woe["unused"])[:, 1]
        beside = metrics.compare(y["unused"], scores[name], scores.get("riskkit", scores[name]))
        found |= {"auc": beside["auc_a"], "to_riskkit": beside["difference"]}
        found |= {"low": beside["low"], "high": beside["high"]}
    return pd.DataFrame.from_dict(rows, orient="index")


def beyond_table(folder, topic):
    """A row a tool and method of one topic of BEYOND."""
    rows = []
    for name in BEYOND[topic]:
        found = ask("beyond.py", name, folder)
        tool = name.split(",")[0]
        if "failed" in found:
            rows.append({"tool": tool, "method": "", "failed": found["failed"]})
        for method, values in found.get("methods", {}).items():
            about = {"tool": tool, "version": found["version"], "method": method}
            rows.append(about | JUDGES[topic](folder, dict(values)))
    return pd.DataFrame(rows)


def judge_declined(folder, values):
    ends = np.load(folder / "ends.npz")
    probability = np.array(values.pop("probability"))
    counts = metrics.score_counts(-probability, ends["other_bad"])
    true = float(ends["declined_bad_rate"])
    return values | {"auc": metrics.auc(counts), "true_declined_bad_rate": true}


def judge_cohorts(folder, values):
    true = pd.read_parquet(folder / "cohorts.parquet")["end_rate"]
    ends = pd.Series(values.pop("ends"), dtype=float).reindex(true.index)
    error = (ends - true).abs()
    return values | {
        "cohorts": int(ends.notna().sum()),
        "mean_error": error.mean(),
        "largest_error": error.max(),
        "mean_end_rate": true.mean(),
    }


JUDGES = {
    "declined": judge_declined,
    "cutoffs": lambda folder, values: values,
    "cohorts": judge_cohorts,
}


def trap_table(folder, names=PEERS):
    """A row a trap: the tool, its words, and whether the pinned version falls into it."""
    rows = []
    for name in names:
        found = ask("traps.py", name, folder, f"{name} traps")
        rows += [{"tool": name, "trap": words, "shown": shown} for words, shown in found.items()]
    return pd.DataFrame(rows, columns=["tool", "trap", "shown"])


# -- the page --------------------------------------------------------------------------------------

BINNING_COLUMNS = {
    "version": ("version", "{}"),
    "pandas": ("pandas", "{}"),
    "fit": ("fit, s", "{:.2f}"),
    "transform": ("transform, s", "{:.2f}"),
    "megabytes": ("memory added, MiB", "{:.0f}"),
    "iv_fit": ("IV, rows used", "{:.3f}"),
    "iv_unused": ("IV, rows not used", "{:.3f}"),
    "auc": ("AUC, rows not used", "{:.4f}"),
}
DECLINED_COLUMNS = {
    "method": ("method", "{}"),
    "seconds": ("s", "{:.2f}"),
    "auc": ("AUC of all applicants", "{:.4f}"),
    "declined_bad_rate": ("bad rate of the declined, said", "{:.1%}"),
    "true_declined_bad_rate": ("true", "{:.1%}"),
}
CUTOFF_COLUMNS = {
    "method": ("cutoffs tried", "{}"),
    "seconds": ("s", "{:.3f}"),
    "cutoff": ("cutoff", "{:.0f}"),
    "approval_rate": ("approved", "{:.2%}"),
    "bad_rate": ("bad rate", "{:.3%}"),
}
COHORT_COLUMNS = {
    "method": ("method", "{}"),
    "seconds": ("s", "{:.2f}"),
    "cohorts": ("cohorts projected", "{:.0f}"),
    "mean_error": ("mean error", "{:.2%}"),
    "largest_error": ("largest", "{:.2%}"),
    "mean_end_rate": ("where they ended, mean", "{:.2%}"),
}
BEYOND_COLUMNS = {
    "declined": DECLINED_COLUMNS,
    "cutoffs": CUTOFF_COLUMNS,
    "cohorts": COHORT_COLUMNS,
}


def as_markdown(table, columns):
    """A Markdown table; a tool that failed has its message, and nothing else."""
    lines = [["tool", *(words for words, _ in columns.values())]]
    lines.append(["---", *("---:" if "{}" not in form else "---" for _, form in columns.values())])
    for name, row in table.iterrows():
        if isinstance(row.get("failed"), str):
            lines.append([name, f"failed: {row['failed']}", *[""] * (len(columns) - 1)])
            continue
        cells = [form.format(row[key]) for key, (_, form) in columns.items()]
        lines.append([name, *cells])
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def binning_markdown(table):
    """The binning table with the difference in AUC to riskkit, and its interval."""

    def beside(row):
        if row.name == "riskkit" or pd.isna(row["auc"]):
            return "–"
        return f"{row['to_riskkit']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})"

    table = table.assign(beside=table.apply(beside, axis=1))
    columns = BINNING_COLUMNS | {"beside": ("AUC less riskkit's, 95 %", "{}")}
    return as_markdown(table, columns)


def measured(folder, n_fit=100_000, n_applicants=40_000):
    """Every table as Markdown, by its mark on the page."""
    write_rows(folder, n_fit, n_applicants)
    found = {"binning": binning_markdown(binning_table(folder))}
    for topic, columns in BEYOND_COLUMNS.items():
        found[topic] = as_markdown(beyond_table(folder, topic).set_index("tool"), columns)
    found |= trap_lists(trap_table(folder))
    found["when"] = (
        f"Measured on {date.today()}, Python {platform.python_version()}, riskkit "
        f"{version('riskkit')}, one core of {os.cpu_count()}, best of three under ten seconds."
    )
    return found


def trap_lists(table):
    """Lines of what each tool's pinned version falls into, by the mark on the page."""
    shown = table[table["shown"].astype(bool)]
    return {
        f"traps of {name}": "\n".join(f"- {words}" for words in shown.loc[of_tool, "trap"])
        for name in PEERS
        for of_tool in [shown["tool"] == name]
    }


def put_into(text, found):
    """A page with each table between its marks."""
    for name, table in found.items():
        block = f"<!-- {name} -->\n{table}\n<!-- end of {name} -->"
        text, n_times = re.subn(
            rf"<!-- {name} -->.*?<!-- end of {name} -->", lambda _, b=block: b, text, flags=re.S
        )
        assert n_times == 1, f"{name}: {n_times} places on the page"
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/compare.md")
    tables = measured(FOLDER / "rows")
    for name, table in tables.items():
        print(f"\n{name}\n\n{table}")
    if parser.parse_args().write:
        PAGE.write_text(put_into(PAGE.read_text(), tables))
