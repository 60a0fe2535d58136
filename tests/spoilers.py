"""Clean tables of a made-up lender, and what spoils files on their way to us.

Each spoiler is a fault of one file that its reader can see. What a source becomes of a spoilt file
is either the clean source, or one message that names the column, the row and the fault.
"""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from riskkit import schema
from riskkit.checks import DataContractError

BOOKS = ("label", "events", "panel")
END = pd.Timestamp("2023-12-31")
HEADERS = {
    "id": ("loan_no", "借据号"),
    "customer": ("customer_name", "客户姓名"),
    "applied": ("applied", "申请日期"),
    "amount": ("amount", "放款金额"),
    "term": ("term", "期数"),
    "channel": ("channel", "渠道"),
    "approved": ("approved", "审批通过"),
    "booked": ("booked", "已放款"),
    "income": ("income", "月收入"),
    "ratio": ("ratio", "负债率"),
    "score": ("score", "评分"),
    "city": ("city", "城市"),
    "code": ("code", "行业代码"),
    "opened": ("opened", "开户日期"),
    "gender": ("gender", "性别"),
    "status": ("status", "状态"),
    "paid": ("last_paid", "最后还款日"),
}
PRIVATE = ("id", "customer", "gender")


@dataclass
class Clean:
    """A clean file: its cells as text, what they mean, and the mapping."""

    cells: pd.DataFrame
    truth: pd.DataFrame
    mapping: dict
    header: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)


def clean_table(rng: np.random.Generator, book: str) -> Clean:
    """A random clean table with columns of every kind, and its mapping."""
    n = int(rng.integers(40, 90))
    header = {name: words[int(rng.integers(2))] for name, words in HEADERS.items()}
    applied = pd.Timestamp("2022-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 365, n)), "D")
    applied = pd.Series(applied)
    bad = rng.random(n) < 0.3
    bad[:4] = True, False, True, False
    booked = rng.random(n) < 0.85
    booked[:4] = True
    start = int(rng.integers(10**16, 9 * 10**16))
    ids = [f"{start + i * 7:017d}" if rng.integers(2) else f"00{start + i * 7}" for i in range(n)]
    names = [f"Zhang{start % 9973}x{i}" for i in range(n)]
    income = np.round(rng.lognormal(8, 0.6, n), int(rng.integers(0, 3)))
    income[int(rng.integers(n))] = 12345.6
    opened = pd.Series(applied - pd.to_timedelta(rng.integers(40, 4000, n), "D"))
    gone = rng.random((n, 3)) < 0.1
    status = np.where(~booked, "", np.where(bad, "written off", "settled"))
    if rng.integers(2):
        status = (
            pd.Series(status).replace({"written off": "已核销", "settled": "已结清"}).to_numpy()
        )
    truth = pd.DataFrame(
        {
            "application_id": ids,
            "customer_id": names,
            "applied_at": applied,
            "amount": rng.integers(1_000, 90_000, n) * 100,
            "term_months": rng.choice([3, 6, 12], n),
            "channel": rng.choice(["app", "phone", "partner"], n),
            "approved": booked | (rng.random(n) < 0.5),
            "booked": booked,
            "income": np.where(gone[:, 0], np.nan, income),
            "ratio": np.round(rng.random(n), 3),
            "score": rng.integers(300, 900, n).astype(float),
            "city": np.where(gone[:, 1], None, rng.choice(["Zürich", "München", "Genf"], n)),
            "code": rng.choice(["01", "1", "1E2", "100", "A-7"], n),
            "gender": rng.choice(["femaleq", "maleq"], n),
            "since": (applied.dt.year - opened.dt.year) * 12 + applied.dt.month - opened.dt.month,
        }
    )
    truth["score"] = truth["score"].where(rng.random(n) > 0.1, -999.0)
    truth["since"] = truth["since"].astype(float).mask(gone[:, 2])
    truth["flag"] = np.where(booked, bad.astype(float), np.nan)
    paid = applied + pd.to_timedelta(rng.integers(31, 300, n), "D")
    cells = pd.DataFrame(
        {
            "id": truth["application_id"],
            "customer": truth["customer_id"],
            "applied": applied.dt.strftime("%Y-%m-%d"),
            "amount": truth["amount"] // 100,
            "term": truth["term_months"],
            "channel": truth["channel"],
            "approved": truth["approved"].map({True: "true", False: "false"}),
            "booked": truth["booked"].map({True: "1", False: "0"}),
            "income": truth["income"].map(lambda v: "" if v != v else repr(v).removesuffix(".0")),
            "ratio": truth["ratio"].map(repr),
            "score": truth["score"].map("{:.0f}".format),
            "city": truth["city"].fillna(""),
            "code": truth["code"],
            "opened": opened.dt.strftime("%Y-%m-%d").mask(gone[:, 2], ""),
            "gender": truth["gender"],
            "status": status,
            "paid": pd.Series(paid).dt.strftime("%Y-%m-%d").where(booked, ""),
        }
    ).astype(str)
    # the order of columns is no matter
    order = rng.permutation(len(cells.columns))
    clean = Clean(cells.iloc[:, order], truth, _mapping(header, status, bad, book), header)
    if book == "panel":
        clean.files["panel.csv"] = _panel(truth, applied).to_csv(index=False)
    return clean


def _panel(truth: pd.DataFrame, applied: pd.Series) -> pd.DataFrame:
    rows = []
    for loan, day, flag in zip(truth["application_id"], applied, truth["flag"], strict=True):
        if flag == flag:
            months = pd.period_range(day, END, freq="M")
            late = [0 if flag == 0 else 30 * k for k in range(len(months))]
            rows.append(pd.DataFrame({"loan": loan, "month": months.astype(str), "late": late}))
    return pd.concat(rows)


def _mapping(header: dict[str, str], status: np.ndarray, bad: np.ndarray, book: str) -> dict:
    columns = {
        "application_id": "id",
        "customer_id": "customer",
        "applied_at": "applied",
        "amount": "amount",
        "term_months": "term",
        "channel": "channel",
        "approved": "approved",
        "booked": "booked",
    }
    features = {
        "income": {"type": "number"},
        "ratio": {"type": "number"},
        "score": {"type": "number", "special_codes": {-999: "no file"}},
        "city": {"type": "category"},
        "code": {"type": "category"},
        "since": {"type": "months_since"},
        "gender": {"type": "category", "protected": True},
    }
    of_feature = dict.fromkeys(features) | {"since": "opened"}
    mapping = {
        "name": "clean",
        "title": "Clean",
        "currency": "CNY",
        "amounts_in": "major",
        "observed_to": f"{END:%Y-%m-%d}",
        "applications": {
            "path": "loans.csv",
            "columns": {name: header[column] for name, column in columns.items()},
        },
        "features": {
            name: {"column": header[of_feature[name] or name], "label": name, "family": "f", **how}
            for name, how in features.items()
        },
        "bad": {"dpd": 90, "window_months": 11},
    }
    words = {
        word: sorted({str(one) for one in status[bad == flag]} - {""})
        for word, flag in (("b", True), ("g", False))
    }
    if book == "label":
        mapping["label"] = {"column": header["status"], "bad": words["b"], "good": words["g"]}
    elif book == "events":
        event = {"column": header["status"], "default": words["b"], "repaid": words["g"]}
        mapping["outcomes"] = {"event": event, "last_payment": header["paid"]}
        mapping["bad"] = {"dpd": None, "window_months": 11}
    else:
        mapping["performance"] = {
            "path": "panel.csv",
            "columns": {
                "loan_id": "loan",
                "month_end": {"column": "month", "format": "%Y-%m"},
                "dpd": "late",
            },
            "seen_from_start": True,
        }
    return mapping


@dataclass
class Spoilt:
    """A spoilt file, and what a message on it must name."""

    content: bytes
    name: str = "loans.csv"
    column: str = ""  # as the file calls it; empty where the fault is of a whole line or file
    rows: tuple[int, ...] = ()  # one of which must be named, from 1


def to_csv(cells: pd.DataFrame, header: dict[str, str], **how: str) -> str:
    return cells.rename(columns=header).to_csv(index=False, **how)


Spoiler = Callable[[np.random.Generator, Clean], Spoilt]
SPOILERS: dict[str, Spoiler] = {}


def spoiler(function: Spoiler) -> Spoiler:
    SPOILERS[function.__name__] = function
    return function


def in_cells(
    clean: Clean, column: str, change: Callable[[str], str], at: np.ndarray | None = None
) -> Spoilt:
    """The file with cells of a column changed, all that are filled or those at some positions."""
    cells = clean.cells.copy()
    filled = np.flatnonzero(cells[column] != "") if at is None else at
    before = cells[column].to_numpy(object)
    after = before.copy()
    for row in filled:
        after[row] = change(before[row])
    cells[column] = after
    rows = tuple(int(row) + 1 for row in np.flatnonzero(before != after))
    text = to_csv(cells, clean.header)
    return Spoilt(text.encode(), column=clean.header[column], rows=rows)


def in_one_cell(
    rng: np.random.Generator, clean: Clean, columns: list[str], words: list[str]
) -> Spoilt:
    """The file with a word in one filled cell of one of some columns."""
    column = _read_columns(rng, clean, columns)
    filled = np.flatnonzero(clean.cells[column] != "")
    row = rng.choice(filled, 1)
    # not numpy's choice, which would lose a last null byte
    return in_cells(clean, column, lambda cell: words[int(rng.integers(len(words)))], row)


def _read_columns(rng: np.random.Generator, clean: Clean, columns: list[str]) -> str:
    """One of the columns that the mapping reads."""
    text = str(clean.mapping)
    return str(rng.choice([name for name in columns if f"'{clean.header[name]}'" in text]))


NUMBERS = ["income", "ratio", "score", "amount"]
DATES = ["applied", "opened", "paid"]


@spoiler
def thousands_separators(rng, clean):
    column = str(rng.choice(["income", "amount"]))
    return in_cells(clean, column, lambda cell: f"{float(cell):,}".removesuffix(".0"))


@spoiler
def points_between_thousands(rng, clean):
    return in_cells(clean, "amount", lambda cell: f"{int(cell):,}".replace(",", "."))


@spoiler
def decimal_commas(rng, clean):
    return in_cells(clean, str(rng.choice(["income", "ratio"])), lambda c: c.replace(".", ","))


@spoiler
def per_cent_signs(rng, clean):
    return in_cells(clean, "ratio", lambda cell: f"{100 * float(cell):.1f}%")


@spoiler
def currency_signs(rng, clean):
    sign = str(rng.choice(["¥{}", "${}", "{} 元", "CNY {}", "{}€"]))
    return in_cells(clean, str(rng.choice(["income", "amount"])), sign.format)


@spoiler
def accounting_negatives(rng, clean):
    return in_one_cell(rng, clean, NUMBERS, ["(5)", "5-", "−5"])


@spoiler
def words_for_missing(rng, clean):
    words = ["N/A", "-", "无", "NULL", "#N/A", "?"]
    return in_one_cell(rng, clean, [*NUMBERS, "term", *DATES, "approved"], words)


@spoiler
def words_for_missing_among_levels(rng, clean):
    return in_one_cell(rng, clean, ["city", "code", "channel"], ["N/A", "-", "NULL", "#N/A", "nan"])


@spoiler
def day_first_dates(rng, clean):
    form = str(rng.choice(["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%y", "%d-%b-%Y"]))
    column = _read_columns(rng, clean, DATES)
    return in_cells(clean, column, lambda cell: pd.Timestamp(cell).strftime(form))


@spoiler
def month_first_dates(rng, clean):
    column = _read_columns(rng, clean, DATES)
    return in_cells(clean, column, lambda cell: pd.Timestamp(cell).strftime("%m/%d/%Y"))


@spoiler
def chinese_dates(rng, clean):
    column = _read_columns(rng, clean, DATES)
    return in_cells(
        clean, column, lambda c: "{0.year}年{0.month}月{0.day}日".format(pd.Timestamp(c))
    )


@spoiler
def dates_with_slashes(rng, clean):
    column = _read_columns(rng, clean, DATES)
    return in_cells(clean, column, lambda c: "{0.year}/{0.month}/{0.day}".format(pd.Timestamp(c)))


@spoiler
def dates_without_dashes(rng, clean):
    return in_cells(clean, _read_columns(rng, clean, DATES), lambda cell: cell.replace("-", ""))


@spoiler
def excel_serial_dates(rng, clean):
    first = pd.Timestamp("1899-12-30")
    column = _read_columns(rng, clean, DATES)
    return in_cells(clean, column, lambda cell: str((pd.Timestamp(cell) - first).days))


@spoiler
def offsets_of_time_zones(rng, clean):
    column = _read_columns(rng, clean, ["opened", "paid"])
    zone = str(rng.choice(["Europe/Berlin", "Asia/Shanghai", "America/New_York"]))
    return in_cells(clean, column, lambda cell: pd.Timestamp(cell, tz=zone).isoformat())


@spoiler
def placeholder_dates(rng, clean):
    words = ["9999-12-31", "1900-01-01", "0001-01-01", "now", "today", "1900/1/1", "0000-00-00"]
    return in_one_cell(rng, clean, DATES, words)


@spoiler
def days_that_never_were(rng, clean):
    return in_one_cell(rng, clean, DATES, ["2022-02-30", "2022-13-01", "2022-00-10", "20221131"])


@spoiler
def dates_beyond_what_is_seen(rng, clean):
    column = _read_columns(rng, clean, ["applied", "paid"])
    filled = np.flatnonzero(clean.cells[column] != "")
    return in_cells(clean, column, lambda cell: "2032" + cell[4:], rng.choice(filled, 1))


@spoiler
def encodings(rng, clean):
    text = to_csv(clean.cells, clean.header)
    encoding = str(rng.choice(["latin-1", "gbk", "utf-16", "gb18030", "cp1252", "utf-32"]))
    return Spoilt(text.encode(encoding, "ignore"))


@spoiler
def byte_order_marks(rng, clean):
    return Spoilt(to_csv(clean.cells, clean.header).encode("utf-8-sig"))


@spoiler
def semicolons_and_tabs(rng, clean):
    sign = str(rng.choice([";", "\t", "|"]))
    return Spoilt(to_csv(clean.cells, clean.header, sep=sign).encode())


@spoiler
def line_ends_of_other_systems(rng, clean):
    end = str(rng.choice(["\r\n", "\r"]))
    return Spoilt(to_csv(clean.cells, clean.header, lineterminator=end).encode())


@spoiler
def quoted_cells(rng, clean):
    lines = to_csv(clean.cells, clean.header).splitlines()
    return Spoilt("\n".join('"' + line.replace(",", '","') + '"' for line in lines).encode())


@spoiler
def blanks_around_cells(rng, clean):
    column = _read_columns(rng, clean, list(HEADERS))
    around = str(rng.choice([" {}", "{} ", "  {}\t", "{}\u3000", "{}\xa0"]))
    some = np.flatnonzero((rng.random(len(clean.cells)) < 0.3) & (clean.cells[column] != ""))
    return in_cells(clean, column, around.format, some)


@spoiler
def blank_lines(rng, clean):
    lines = to_csv(clean.cells, clean.header).splitlines()
    lines.insert(int(rng.integers(1, len(lines) + 1)), "")
    return Spoilt("\n".join(lines).encode())


def in_line(rng: np.random.Generator, clean: Clean, change: Callable[[str], str]) -> Spoilt:
    lines = to_csv(clean.cells, clean.header).splitlines()
    row = int(rng.integers(1, len(lines)))
    lines[row] = change(lines[row])
    return Spoilt(("\n".join(lines) + "\n").encode(), rows=(row,))


@spoiler
def lines_too_long(rng, clean):
    return in_line(rng, clean, lambda line: line + ",7")


@spoiler
def lines_too_short(rng, clean):
    return in_line(rng, clean, lambda line: line.rpartition(",")[0])


@spoiler
def quotes_never_closed(rng, clean):
    spoilt = in_line(rng, clean, lambda line: line.replace(",", ',"', 1))
    return Spoilt(spoilt.content)


@spoiler
def a_comma_within_a_cell(rng, clean):
    return in_line(rng, clean, lambda line: line.replace(",", ",x,", 1))


@spoiler
def the_header_again(rng, clean):
    lines = to_csv(clean.cells, clean.header).splitlines()
    row = int(rng.integers(1, len(lines)))
    lines.insert(row, lines[0])
    return Spoilt("\n".join(lines).encode(), rows=(row,))


@spoiler
def a_line_of_totals(rng, clean):
    totals = clean.cells.iloc[[0]].assign(**dict.fromkeys(clean.cells, ""))
    totals["id"] = "Total"
    totals["amount"] = str(clean.cells["amount"].astype(int).sum())
    cells = pd.concat([clean.cells, totals])
    return Spoilt(to_csv(cells, clean.header).encode(), rows=(len(cells),))


@spoiler
def a_column_twice(rng, clean):
    column = _read_columns(rng, clean, list(HEADERS))
    twice = clean.cells.rename(columns=clean.header)
    name = clean.header[column]
    twice = pd.concat([twice, twice[[name]].sample(frac=1, random_state=1)], axis=1)
    return Spoilt(twice.to_csv(index=False).encode(), column=name)


@spoiler
def a_column_gone(rng, clean):
    column = _read_columns(rng, clean, list(HEADERS))
    text = to_csv(clean.cells.drop(columns=column), clean.header)
    return Spoilt(text.encode(), column=clean.header[column])


@spoiler
def a_column_misspelt(rng, clean):
    column = _read_columns(rng, clean, list(HEADERS))
    header = clean.header | {column: clean.header[column] + str(rng.choice(["_", "1", "x"]))}
    return Spoilt(to_csv(clean.cells, header).encode(), column=clean.header[column])


@spoiler
def an_id_twice(rng, clean):
    one, other = sorted(rng.choice(len(clean.cells), 2, replace=False))
    ids = clean.cells["id"]
    return in_cells(clean, "id", lambda cell: ids.iloc[one], np.array([other]))


@spoiler
def a_row_twice(rng, clean):
    row = int(rng.integers(len(clean.cells)))
    cells = pd.concat([clean.cells, clean.cells.iloc[[row]]])
    return Spoilt(to_csv(cells, clean.header).encode(), rows=(len(cells),))


@spoiler
def ids_as_excel_rounds_them(rng, clean):
    return in_cells(clean, "id", lambda cell: f"{float(cell):.5E}")


@spoiler
def leading_zeros(rng, clean):
    return in_cells(clean, str(rng.choice(["amount", "term", "income"])), lambda cell: "0" + cell)


@spoiler
def numbers_in_scientific_notation(rng, clean):
    return in_cells(clean, "amount", lambda cell: f"{int(cell) / 1000:.3f}E3")


@spoiler
def typos_in_statuses(rng, clean):
    column = "status" if clean.header["status"] in str(clean.mapping) else "booked"
    filled = np.flatnonzero(clean.cells[column] != "")
    return in_cells(clean, column, lambda cell: cell[1:] + cell[0] + "x", rng.choice(filled, 1))


@spoiler
def statuses_nobody_listed(rng, clean):
    column = "status" if clean.header["status"] in str(clean.mapping) else "approved"
    return in_one_cell(rng, clean, [column], ["Settled", "sold", "已转让", "0.5", "?"])


@spoiler
def infinite_numbers(rng, clean):
    return in_one_cell(rng, clean, NUMBERS, ["inf", "-inf", "nan", "NaN", "Infinity", "1e999", "∞"])


@spoiler
def amounts_below_one(rng, clean):
    return in_one_cell(rng, clean, ["amount"], ["-500", "0", "-0.01"])


@spoiler
def fractions_of_a_month(rng, clean):
    return in_one_cell(rng, clean, ["term"], ["12.5", "0.5", "1e-1", "6.0001"])


@spoiler
def terms_nobody_lends_for(rng, clean):
    return in_one_cell(rng, clean, ["term"], ["0", "-6", "481", "20230705"])


@spoiler
def text_among_numbers(rng, clean):
    words = ["many", "12x", "1.2.3", "12 5", "0x1F", "1_000", "'5", "½", "5k", "1e", "=A1"]
    return in_one_cell(rng, clean, [*NUMBERS, "term"], words)


@spoiler
def digits_of_full_width(rng, clean):
    return in_one_cell(rng, clean, [*NUMBERS, "term", *DATES], ["１２", "２０２２-０１-０１"])


@spoiler
def words_for_truth(rng, clean):
    words = {"true": str(rng.choice(["是", "Y", "T", "approved"])), "false": "否"}
    return in_cells(clean, "approved", words.get)


@spoiler
def truth_that_contradicts(rng, clean):
    row = np.flatnonzero(clean.cells["booked"] == "1")[:1]
    spoilt = in_cells(clean, "approved", lambda cell: "false", row)
    return Spoilt(spoilt.content, column=clean.header["booked"], rows=spoilt.rows)


@spoiler
def required_cells_left_blank(rng, clean):
    return in_one_cell(
        rng, clean, ["id", "customer", "applied", "amount", "term", "approved", "booked"], ["", " "]
    )


@spoiler
def null_bytes(rng, clean):
    return in_one_cell(rng, clean, [*NUMBERS, "term", *DATES], ["1\x002", "\x00"])


@spoiler
def archives_cut_short(rng, clean):
    content = gzip.compress(to_csv(clean.cells, clean.header).encode())
    cut = int(rng.integers(20, len(content) - 4))
    return Spoilt(content[:cut], name="loans.csv.gz")


@spoiler
def files_with_nothing_in_them(rng, clean):
    lines = to_csv(clean.cells, clean.header).splitlines()
    return Spoilt(str(rng.choice(["", "\n", lines[0], lines[0] + "\n"])).encode())


def outcome(name: str, seed: int) -> tuple[str, str]:
    """What became of a clean table that a spoiler spoilt: "read", "refused", or why neither.

    Returns
    -------
    (str, str)
        The outcome, and the message or what differs.
    """
    rng = np.random.default_rng([seed, sum(name.encode())])
    book = BOOKS[seed % len(BOOKS)]
    clean = clean_table(rng, book)
    spoilt = SPOILERS[name](rng, clean)
    with tempfile.TemporaryDirectory(prefix="riskkit-test-") as folder:
        path = Path(folder)
        for other, text in clean.files.items():
            (path / other).write_text(text)
        source = _source(
            path, clean.mapping, "loans.csv", to_csv(clean.cells, clean.header).encode()
        )
        _require_truth(source, clean)
        (path / "loans.csv").unlink()
        try:
            found = _source(path, clean.mapping, spoilt.name, spoilt.content)
        except DataContractError as error:
            return _judged(str(error), clean, spoilt)
        for table, frame in source.tables.items():
            try:
                pd.testing.assert_frame_equal(found.tables[table], frame)
            except AssertionError as error:
                return "changed", f"{table}: {error}"
        return "read", ""


def _source(folder: Path, mapping: dict, name: str, content: bytes) -> schema.Source:
    (folder / name).write_bytes(content)
    mapping = mapping | {"applications": mapping["applications"] | {"path": name}}
    text = yaml.safe_dump(mapping, allow_unicode=True)
    (folder / "mapping.yaml").write_text(text, encoding="utf-8")
    return schema.load_source(folder / "mapping.yaml")


def _require_truth(source: schema.Source, clean: Clean) -> None:
    """The clean file must be read as it is meant, or nothing is shown by comparing with it."""
    flag = clean.truth["flag"].rename("default_flag")
    found = source.applications
    for name in clean.truth.columns.drop("flag"):
        np.testing.assert_array_equal(
            found[name].astype(object).where(found[name].notna(), None),
            clean.truth[name].astype(object).where(clean.truth[name].notna(), None),
            name,
        )
    known = found["default_flag"].notna()
    assert (found["default_flag"][known] == flag[known]).all()
    assert known.sum() > 0


def _judged(message: str, clean: Clean, spoilt: Spoilt) -> tuple[str, str]:
    """Whether a message names what is spoilt and nobody."""
    for name in PRIVATE:
        for cell in set(clean.cells[name]):
            if len(cell) > 4 and cell in message:
                return "tells who", message
    if spoilt.column and spoilt.column not in message:
        return "column not named", message
    numbers = {
        int(n.replace(",", "")) for n in re.findall(r"row ([0-9][0-9,]*[0-9]|[0-9])", message)
    }
    if spoilt.rows and not numbers & set(spoilt.rows) and not spoilt.content == b"":
        return "row not named", message
    return "refused", message
