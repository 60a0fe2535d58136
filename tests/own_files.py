"""Files as lenders hold them, of synthetic loans: a messy CSV, a thin panel, a workbook.

Run `python tests/own_files.py FOLDER` to write all three at full size, for a trial by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit import synthetic

STATUS = {"current": "还款中", "delinquent": "还款中", "prepaid": "提前结清", "matured": "已结清"}
STATUS |= {"charged_off": "已核销"}


def _loans(n_rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Booked loans with their last status, and their panel."""
    portfolio = synthetic.simulate(synthetic.Lender(), 4 * n_rows, seed)
    booked = portfolio.applications.query("booked").head(n_rows)
    panel = portfolio.performance
    panel = panel[panel["loan_id"].isin(booked["application_id"])]
    last = panel.groupby("loan_id").last()
    paid = panel[panel["paid_amount"] > 0].groupby("loan_id")["month_end"].max()
    loans = booked.set_index("application_id")
    loans = loans.assign(status=last["status"].map(STATUS), dpd=last["dpd"], last_payment=paid)
    numbers = pd.Series(np.arange(1, len(loans) + 1), index=loans.index).map("{:08d}".format)
    return loans.assign(number=numbers), panel.assign(number=panel["loan_id"].map(numbers))


def _slashed(dates: pd.Series) -> pd.Series:
    return dates.map(lambda d: "" if pd.isna(d) else f"{d.year}/{d.month}/{d.day}")


def messy_csv(path: Path, n_rows: int = 20_000, seed: int = 5) -> Path:
    """Chinese and English names, per cent strings, slashes in dates, -999, duplicates, statuses."""
    loans, _ = _loans(n_rows, seed)
    rng = np.random.default_rng(seed)
    n = len(loans)
    unknown = rng.random(n) < 0.04
    frame = pd.DataFrame(
        {
            "借据号": loans["number"],
            "客户姓名": [f"张{i}" for i in range(n)],
            "手机号": [f"1380{i:07d}" for i in range(n)],
            "申请日期": _slashed(loans["applied_at"]),
            "放款金额": (loans["booked_amount"] / 100).map("¥{:,.2f}".format),
            "期数": loans["term_months"].map("{}期".format),
            "渠道": loans["channel"],
            "Purpose": loans["scenario"].where(~unknown, "N/A"),
            "年龄": loans["age"].fillna(-999).astype(int),
            "性别": loans["gender"].map({"male": "男", "female": "女"}),
            "月收入": loans["verified_income"].map(lambda v: "无" if v != v else f"{v:,.0f}"),
            "utilisation": loans["utilisation"].map(
                lambda v: "" if v != v or v < 0 else f"{100 * v:.1f}%"
            ),
            "inq_30d": loans["inquiries_30d"].map(lambda v: -999 if v != v or v < 0 else int(v)),
            "lenders_90d": loans["lenders_90d"].map(lambda v: -999 if v != v or v < 0 else int(v)),
            "finance_apps": loans["finance_apps_count"],
            "设备档次": loans["device_price_tier"].fillna("未知"),
            "职业 ": loans["occupation"].map(lambda v: f"{v} " if rng.random() < 0.01 else v),
            "逾期天数": loans["dpd"],
            "最后还款日": _slashed(loans["last_payment"]),
            "贷款状态": loans["status"],
        }
    )
    twice = frame.sample(min(40, n // 10), random_state=seed)
    pd.concat([frame, twice]).to_csv(path, index=False, encoding="utf-8-sig")
    return path


def thin_panel(folder: Path, n_loans: int = 5_000, seed: int = 6) -> tuple[Path, Path]:
    """A list of loans, and their panel: number, month and days past due alone."""
    loans, panel = _loans(n_loans, seed)
    listed = folder / "loans.csv"
    pd.DataFrame(
        {
            "number": loans["number"],
            "date": loans["applied_at"].dt.strftime("%d.%m.%Y"),
            "amount": (loans["booked_amount"] / 100).map("{:.2f}".format).str.replace(".", ","),
            "months": loans["term_months"],
            "income": loans["verified_income"],
            "inquiries": loans["inquiries_30d"],
            "lenders": loans["lenders_90d"],
            "device": loans["device_price_tier"],
            "finance_apps": loans["finance_apps_count"],
        }
    ).to_csv(listed, index=False, sep=";")
    months = folder / "panel.csv"
    pd.DataFrame(
        {
            "number": panel["number"],
            "month": panel["month_end"].dt.strftime("%Y-%m"),
            "days_late": panel["dpd"],
        }
    ).to_csv(months, index=False)
    return listed, months


def workbook(path: Path, n_rows: int = 4_000, seed: int = 7) -> Path:
    """An Excel file of two sheets, dates as dates and a label in words."""
    loans, _ = _loans(n_rows, seed)
    frame = pd.DataFrame(
        {
            "Contract": loans["number"],
            "Applied": loans["applied_at"].dt.date,
            "Amount": loans["booked_amount"] / 100,
            "Term": loans["term_months"],
            "Income": loans["verified_income"],
            "Inquiries": loans["inquiries_30d"],
            "Lenders": loans["lenders_90d"],
            "Finance apps": loans["finance_apps_count"],
            "Device": loans["device_price_tier"],
            "Defaulted": np.where(loans["dpd"] > 90, "yes", "no"),
        }
    )
    with pd.ExcelWriter(path) as book:
        frame.to_excel(book, sheet_name="Loans", index=False)
        pd.DataFrame({"note": ["exported by hand"]}).to_excel(book, sheet_name="Notes", index=False)
    return path


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    messy_csv(folder / "messy.csv")
    thin_panel(folder)
    workbook(folder / "book.xlsx")
