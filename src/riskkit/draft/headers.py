"""What the name of a column says: a role, a person's attribute, something known afterwards.

Takes a header, English or Chinese; gives names for features and yes or no to questions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

__all__ = ["family_of", "feature_name", "label_of", "says", "snake", "unit_of"]

# Each is looked for in the header between underscores: `_annual_inc_`. Chinese words anywhere.
PLACES = {
    "application_id": r"_(application|app|loan|contract|account|order|case|row)_?(id|no|nr|num"
    r"|number|code)_|_(id|uuid|key|index|row|no|nr)_|编号|申请号|合同号|借据号|订单号|流水号|序号",
    "any_id": r"_(id|uuid|guid|key)_|_\w*(id|no|nr)_|编号|号码?$|流水",
    "customer_id": r"_(customer|client|cust|member|borrower|user|person)_?(id|no|nr|num|number)_"
    r"|(客户|会员|用户|借款人)(编?号|id)",
    "applied_at": r"_(application|applied|apply|app)_(date|time|dt|at|d|day|on)_|_applied_"
    r"|申请(日期|时间|日)|进件(日期|时间|日)",
    "granted_at": r"_(issue|issued|origination|orig|disburs\w*|fund\w*|book\w*|grant\w*|loan|start"
    r"|open\w*|contract|approval|approved)_(date|time|dt|at|d|day|on|month)_|_when_"
    r"|(放款|发放|借款|贷款|起息|合同|签约|审批)(日期|时间|日)",
    "any_date": r"_(date|time|day|dt|d|at|on|when|month|mth|period|since|ts)_|\w(date|time)_"
    r"|日期|时间|年月|月份|日$|月$",
    "amount": r"_(loan|credit|principal|application|applied|requested|request|wanted|financed"
    r"|disbursed)_?(amnt|amount|amt|sum|value)_|_(amount|amnt|amt|principal|wanted)_"
    r"|(贷款|借款|申请|放款|合同|授信)(金额|本金|额度|额)|本金|金额",
    "limit": r"_(limit\w*|limit_bal|credit_limit)_|额度",
    "term_months": r"_(term|tenor|duration|months|loan_term|term_months|n_?months|installments"
    r"|nper|num_payments)_|_(duration|term|tenor)_\w*month\w*_|期限|期数|分期数|借款期",
    "scenario": r"_(purpose|scenario|product|use|usage|loan_type|reason)_|用途|场景|产品",
    "channel": r"_(channel|source|origin|acquisition)_|渠道|来源",
    "partner": r"_(partner|merchant|dealer|store|agent)_|商户|合作方|合作机构|门店",
    "approved": r"_(approved|is_approved|approval|approve_flag|decision)_|是否通过|审批结果|通过",
    "booked": r"_(booked|funded|is_booked|disbursed|taken_up)_|是否放款|是否提款",
    "protected": r"_(sex|gender|(?<!account_)(?<!loan_)(?<!credit_)(?<!car_)(?<!vehicle_)age"
    r"|ages|marital|marriage|married|race|racial|ethnic\w*|religion|region|zip|zip_?code|postal"
    r"|post_?code|postcode|state|addr_state|county|city|province|district|country|foreign\w*"
    r"|nationality|citizen\w*|birth\w*|dob|disab\w*|pregnan\w*|native_place|hometown)_"
    r"|性别|年龄|婚姻|民族|籍贯|地区|邮编|户籍|出生|生日|省份|省$|城市|市$|区县|宗教|国籍|外籍|残疾|区域",
    "not_age": r"_(age)_of_|_(account|loan|car|vehicle|credit|file|device)_age_|账龄|车龄|库龄",
    "private": r"_(\w*name|names|mobile|cell|phone\w*|telephone|tel|e?mail\w*|wechat|qq|contact\w*"
    r"|address\w*|street|passport\w*|ssn|iban|card_?no|card_number|id_?card\w*|id_?number"
    r"|license|licence|ip|ip_address|imei|lat|lng|latitude|longitude|gps)_"
    r"|姓名|手机|电话|邮箱|地址|住址|身份证|证件|卡号|联系|微信|经理|护照|经度|纬度",
    "named_thing": r"_(product|scheme|channel|merchant|partner|store|branch|campaign|bank)_name_",
    "payment": r"_last_(pymnt|payment|pay|repay\w*|paid)_(d|date|dt|at|day|on)_|_last_"
    r"|_(closed|close|closing|end|payoff|repaid|settled)_(d|date|dt|at|day|on)_"
    r"|(最后|最近|末次|最近一次)(一次)?(还款|付款)|结清(日期|时间|日)",
    "afterwards": r"_(total_pymnt|total_rec|total_paid|total_payment|recover\w*|settle\w*|out_prncp"
    r"|last_p\w*|last_pay\w*|last_credit_pull|next_p\w*|collect\w*|charge_?off\w*|charged_off"
    r"|write_?off\w*|written_off|outstanding|overdue\w*|dpd|past_due|days_past_due|days_late"
    r"|hardship|repaid|repayment|paid_off|loan_status|closed|close|payoff|debt_settlement)_"
    r"|回款|催收|核销|逾期|已还|实还|还款(日|时间|金额|状态)|代偿|坏账|结清|剩余本金|贷后",
    "before": r"_(\d+_?(m|mth|mths|mon|months?|d|days?|y|yrs?|years?)|\d+m|past|prior|previous|hist"
    r"|history|bureau|within_\d+|last_\d+|before)_|近\d+|过去|历史|征信|此前|以往",
    "decision": r"^_(loan_|monthly_|offer_|current_|contract_)?(grade|sub_grade|subgrade|int_rate"
    r"|interest|interest_rate|apr|rate|installment|instalment|emi|repayment|score|risk_score|rating"
    r"|funded_\w+|granted_\w+|approved_(amount|amnt|amt|limit)|offer_\w+|pd)(_amount|_amt)?_$"
    r"|利率|月供|评级|评分|信用分|授信额|审批额|定价",
    "good": r"_(good|is_good|good_flag|performing|repaid|paid)_|是否正常|好客户",
    "label": r"_(default\w*|is_default|bad|is_bad|target|label|y|creditability|good_bad|gb|npl"
    r"|outcome|bad_flag|class|seriousdlqin2yrs|delinquent)_|违约|好坏|是否逾期|坏客户|标签|目标",
    "status": r"_(\w*status|outcome|result|state|final_state)_|状态|结果",
    "days": r"_(dpd|days_past_due|\w*overdue_days|days_overdue|\w*late_days|days_late|max_dpd"
    r"|worst_dpd|max_overdue)_|_\w*dpd\w*_|逾期天数|最大逾期|最长逾期",
    "worst": r"_(max\w*|worst|ever|highest|longest)_|最大|最长|最高|历史",
    "codes": r"_(\w*type|code|codes|class|kind|category|sex|gender|marital|marriage|education|edu"
    r"|status|purpose|channel|occupation|job|industry|region|province|city|state|zip|zip_?code|grade"
    r"|product|segment|cd|postcode|race|branch)_"
    r"|类型|类别|性别|婚姻|学历|教育|职业|行业|省|市$|区$|渠道|用途|状态|等级|编码|代码|民族|邮编",
    "minor": r"_(cents?|fen|pence|minor)_|（分）|\(分\)",
}
_FAMILIES = {
    "bureau": r"_(bureau|credit_hist\w*|delinq\w*|inq\w*|open_acc|total_acc|pub_rec\w*|revol\w*"
    r"|dti|tax_liens|earliest_cr\w*|mths_since\w*|mort_acc|\w*acc|accounts?)_|征信|查询|负债|历史|信用卡",
    "person": r"_(emp\w*|income|inc|annual_inc|salary|educat\w*|home\w*|housing|job|occupation"
    r"|profession|property|residence|dependants|dependents|telephone|has_\w+|children)_"
    r"|收入|学历|教育|职业|工作|住房|公司|工龄|子女|抚养",
    "application": r"_(loan|credit|amount|amnt|purpose|term|duration|product|scenario|channel"
    r"|application|limit\w*)_|贷款|借款|申请|用途|期限|渠道|金额|额度|产品",
}
_UNITS = {
    "months": r"_(months?|mths?|mths_since\w*)_|期限|月数",
    "days": r"_(days?|dpd)_|天数",
    "years": r"_(years?|yrs?|age)_|年龄|年限|工龄",
}


def snake(header: str) -> str:
    """The header in lower case, its words between underscores.

    Examples
    --------
    >>> snake("LoanAmount (USD)"), snake("default.payment.next.month"), snake(" 贷款 金额")
    ('loan_amount_usd', 'default_payment_next_month', '贷款_金额')
    """
    text = unicodedata.normalize("NFKC", header)
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    return re.sub(r"[\W_]+", "_", text).strip("_").lower()


def says(header: str, place: str) -> bool:
    """Whether a header has the words of a place.

    Examples
    --------
    >>> says("average_balance", "protected"), says("age_in_years", "protected")
    (False, True)
    >>> says("客户性别", "protected"), says("last_pymnt_d", "afterwards")
    (True, True)
    """
    return re.search(PLACES[place], f"_{snake(header)}_") is not None


def label_of(header: str) -> str:
    """A header as a report may show it.

    Examples
    --------
    >>> label_of("annual_inc"), label_of("月收入")
    ('Annual inc', '月收入')
    """
    words = " ".join(re.sub(r"[\s_.]+", " ", header).split()) or "Without a name"
    words = words.lower() if words.isupper() and len(words) > 3 else words
    return words[:1].upper() + words[1:]


def feature_name(header: str, number: int, taken: Collection[str]) -> str:
    """A name for a feature: the header's words, or the column's number where these are not ASCII.

    Examples
    --------
    >>> feature_name("AnnualInc", 3, ["annual_inc"]), feature_name("月收入", 7, [])
    ('annual_inc_2', 'feature_07')
    """
    name = snake(header)
    if not re.fullmatch(r"[a-z0-9_]+", name) or not re.search(r"[a-z]", name):
        name = f"feature_{number:02d}"
    elif name[0].isdigit():
        name = f"x_{name}"
    if name in taken:
        name = next(f"{name}_{n}" for n in range(2, len(taken) + 3) if f"{name}_{n}" not in taken)
    return name


def family_of(header: str) -> str:
    """The family that a header's words suggest; other where they suggest none."""
    text = f"_{snake(header)}_"
    return next((name for name, words in _FAMILIES.items() if re.search(words, text)), "other")


def unit_of(header: str) -> str:
    """The unit that a header names, or none."""
    text = f"_{snake(header)}_"
    return next((unit for unit, words in _UNITS.items() if re.search(words, text)), "")
