"""Columns of every type of pandas, polars and pyarrow, with missing values."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

FINITE = [0.0, -0.0, 1e308, -1e308, 5e-324, 1e-30, np.nan]


def ints(rng, n, bits, signed=True):
    top = 2 ** (bits - signed) if bits < 64 else 2**63
    low = -top if signed else 0
    kind = rng.integers(3)
    if kind == 0:
        return [int(v) for v in rng.integers(0, 5, n)]
    if kind == 1:
        return [int(v) for v in np.arange(n) % (top - 1)]
    return [int(v) for v in rng.integers(low, top - 1, n, np.int64 if signed else np.uint64)]


def floats(rng, n):
    kind = rng.integers(4)
    if kind == 0:
        return rng.normal(size=n).tolist()
    if kind == 1:
        return [float(v) for v in rng.integers(0, 3, n)]
    if kind == 2:
        return rng.choice(FINITE, n).tolist()
    return rng.choice([*FINITE, np.inf, -np.inf] if rng.random() < 0.3 else FINITE, n).tolist()


WORDS = [
    "a",
    "b",
    "",
    " ",
    "unknown",
    "?",
    "1",
    "2.5",
    "1,234",
    "2021-01-05",
    "12.05.2021",
    "nan",
    "NaN",
    "None",
    "inf",
    "1e400",
    "0x10",
    "1_000",
    "é",
    "\x00",
    "x" * 300,
    "True",
    "10:30",
    "3 days",
    "-1 days +22:00:00",
    "05/06/2021",
    "$7",
    "5%",
    "007",
    "2021-13-45",
    "9999-12-31",
    "0001-01-01",
    "2021-01-05T10:00:00+02:00",
]


def strings(rng, n):
    kind = rng.integers(6)
    if kind == 0:
        return [f"u{v}" for v in rng.integers(0, 1000, n)]
    if kind == 1:
        return [str(v) for v in floats(rng, n)]
    if kind == 2:
        return [
            str(dt.datetime(2020, 1, 1) + dt.timedelta(hours=int(v)))
            for v in rng.integers(-(10**6), 10**6, n)
        ]
    if kind == 3:
        some = rng.choice(WORDS, 3)
        return rng.choice(some, n).tolist()
    if kind == 4:
        base = [str(v) for v in rng.integers(0, 99, n)]
        for i in range(n):
            if rng.random() < 0.05:
                base[i] = str(rng.choice(WORDS))
        return base
    return rng.choice(WORDS, n).tolist()


def datetimes(rng, n, tz=None):
    span = int(rng.choice([10**4, 10**9]))
    return [
        dt.datetime(2020, 1, 1, tzinfo=tz) + dt.timedelta(seconds=int(v))
        for v in rng.integers(-span, span, n)
    ]


def dates(rng, n):
    if rng.random() < 0.2:
        return [dt.date.min, dt.date.max] * (n // 2) + [dt.date.min] * (n % 2)
    return [v.date() for v in datetimes(rng, n)]


def times(rng, n):
    return [
        (dt.datetime.min + dt.timedelta(seconds=int(v))).time() for v in rng.integers(0, 86400, n)
    ]


def durations(rng, n):
    return [dt.timedelta(seconds=int(v)) for v in rng.integers(-(10**6), 10**6, n)]


def decimals(rng, n):
    return [Decimal(int(v)).scaleb(-2) for v in rng.integers(-(10**5), 10**5, n)]


def with_none(rng, values):
    share = rng.choice([0, 0, 0.1, 0.5, 1])
    return [None if rng.random() < share else v for v in values]


POOL = [
    1,
    2.5,
    "a",
    None,
    np.nan,
    pd.NA,
    pd.NaT,
    True,
    Decimal("1.5"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    dt.date(2020, 1, 1),
    dt.datetime(2020, 1, 1),
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    dt.timedelta(1),
    dt.time(1),
    pd.Timestamp("2020"),
    pd.Period("2020-01", "M"),
    pd.Interval(0, 1),
    Fraction(1, 3),
    2**70,
    10**400,
    1j,
    b"x",
    [1],
    {"a": 1},
    (1,),
    {1},
    np.float32(1.5),
    np.int8(3),
    np.datetime64("2020"),
    np.timedelta64(1, "D"),
    np.str_("z"),
    object(),
    float("inf"),
    "1",
    "2.5",
]


def objects(rng, n):
    k = rng.integers(1, 4)
    some = [POOL[i] for i in rng.integers(0, len(POOL), k)]
    if rng.random() < 0.5:
        some.append(None)
    out = np.empty(n, object)
    for i in range(n):
        out[i] = some[rng.integers(len(some))]
    return out


TZ = ["UTC", "Europe/Rome", "Asia/Kolkata", "America/New_York"]
PANDAS = {}
for name in ("int8", "int16", "int32", "int64"):
    PANDAS[name] = lambda r, n, d=name: pd.Series(ints(r, n, int(d[3:])), dtype=d)
    cap = name.capitalize()
    PANDAS[cap] = lambda r, n, d=cap: pd.Series(with_none(r, ints(r, n, int(d[3:]))), dtype=d)
for name in ("uint8", "uint16", "uint32", "uint64"):
    PANDAS[name] = lambda r, n, d=name: pd.Series(ints(r, n, int(d[4:]), False), dtype=d)
    cap = "UInt" + name[4:]
    PANDAS[cap] = lambda r, n, d=cap: pd.Series(
        with_none(r, ints(r, n, int(d[4:]), False)), dtype=d
    )
for name in ("float32", "float64", "Float32", "Float64", "float16", "longdouble"):
    PANDAS[name] = lambda r, n, d=name: pd.Series(with_none(r, floats(r, n))).astype(d)
PANDAS |= {
    "bool": lambda r, n: pd.Series(r.random(n) < 0.5),
    "boolean": lambda r, n: pd.Series(with_none(r, (r.random(n) < 0.5).tolist()), dtype="boolean"),
    "str": lambda r, n: pd.Series(with_none(r, strings(r, n)), dtype="str"),
    "string": lambda r, n: pd.Series(with_none(r, strings(r, n)), dtype="string"),
    "string[pyarrow]": lambda r, n: pd.Series(with_none(r, strings(r, n)), dtype="string[pyarrow]"),
    "object str": lambda r, n: pd.Series(with_none(r, strings(r, n)), dtype=object),
    "category": lambda r, n: pd.Series(pd.Categorical(with_none(r, strings(r, n)))),
    "category int": lambda r, n: pd.Series(pd.Categorical(with_none(r, ints(r, n, 8)))),
    "category time": lambda r, n: pd.Series(pd.Categorical(with_none(r, datetimes(r, n)))),
    "datetime": lambda r, n: pd.Series(
        with_none(r, datetimes(r, n)), dtype=f"datetime64[{r.choice(['s', 'ms', 'us', 'ns'])}]"
    ),
    "datetime tz": lambda r, n: pd.Series(
        pd.to_datetime(pd.Series(with_none(r, datetimes(r, n, dt.UTC)), dtype=object), utc=True)
    ).dt.tz_convert(str(r.choice(TZ))),
    "timedelta": lambda r, n: pd.Series(with_none(r, durations(r, n)), dtype="timedelta64[ns]"),
    "period": lambda r, n: pd.Series(
        pd.PeriodIndex(with_none(r, datetimes(r, n)), freq=str(r.choice(["D", "M", "Q", "Y", "h"])))
    ),
    "interval": lambda r, n: pd.Series(pd.cut(r.normal(size=n), 3)),
    "interval raw": lambda r, n: pd.Series(pd.arrays.IntervalArray.from_breaks(np.arange(n + 1.0))),
    "sparse": lambda r, n: pd.Series(pd.arrays.SparseArray(r.integers(0, 2, n).astype(float))),
    "object": lambda r, n: pd.Series(objects(r, n), dtype=object),
    "object dates": lambda r, n: pd.Series(with_none(r, dates(r, n)), dtype=object),
    "object times": lambda r, n: pd.Series(with_none(r, times(r, n)), dtype=object),
    "object decimals": lambda r, n: pd.Series(with_none(r, decimals(r, n)), dtype=object),
    "big endian": lambda r, n: pd.Series(np.array(floats(r, n), ">f8")),
    "big endian int": lambda r, n: pd.Series(np.array(ints(r, n, 32), ">i4")),
    "complex": lambda r, n: pd.Series(r.normal(size=n) + 1j),
}
ARROW = {
    "null": (pa.null(), lambda r, n: [None] * n),
    "bool_": (pa.bool_(), lambda r, n: (r.random(n) < 0.5).tolist()),
    "string": (pa.string(), strings),
    "large_string": (pa.large_string(), strings),
    "string_view": (pa.string_view(), strings),
    "binary": (pa.binary(), lambda r, n: [s.encode() for s in strings(r, n)]),
    "date32": (pa.date32(), dates),
    "date64": (pa.date64(), dates),
    "time32": (pa.time32("s"), times),
    "time64": (pa.time64("us"), times),
    "time64ns": (pa.time64("ns"), times),
    "decimal": (pa.decimal128(12, 2), decimals),
    "decimal256": (pa.decimal256(30, 2), decimals),
    "list": (pa.list_(pa.int64()), lambda r, n: [[1]] * n),
    "struct": (pa.struct([("a", pa.int64())]), lambda r, n: [{"a": 1}] * n),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), lambda r, n: r.choice(WORDS, n).tolist()),
    "dictionary int": (pa.dictionary(pa.int32(), pa.int64()), lambda r, n: ints(r, n, 8)),
    "float16": (pa.float16(), lambda r, n: [np.float16(v) for v in r.normal(size=n)]),
    "float32": (pa.float32(), floats),
    "float64": (pa.float64(), floats),
    "monthdaynano": (pa.month_day_nano_interval(), lambda r, n: [pa.MonthDayNano([1, 2, 3])] * n),
}
for bits in (8, 16, 32, 64):
    ARROW[f"int{bits}"] = (getattr(pa, f"int{bits}")(), lambda r, n, b=bits: ints(r, n, b))
    ARROW[f"uint{bits}"] = (getattr(pa, f"uint{bits}")(), lambda r, n, b=bits: ints(r, n, b, False))
for unit in ("s", "ms", "us", "ns"):
    ARROW[f"timestamp {unit}"] = (pa.timestamp(unit), datetimes)
    ARROW[f"timestamp {unit} tz"] = (
        pa.timestamp(unit, "Europe/Rome"),
        lambda r, n: datetimes(r, n, dt.UTC),
    )
    ARROW[f"duration {unit}"] = (pa.duration(unit), durations)
ARROW = {
    name: (lambda r, n, t=t, make=make: pa.array(with_none(r, make(r, n)), t))
    for name, (t, make) in ARROW.items()
}
POLARS = {
    **{
        f"Int{b}": (getattr(pl, f"Int{b}"), lambda r, n, b=b: ints(r, n, b))
        for b in (8, 16, 32, 64)
    },
    **{
        f"UInt{b}": (getattr(pl, f"UInt{b}"), lambda r, n, b=b: ints(r, n, b, False))
        for b in (8, 16, 32, 64)
    },
    "Float32": (pl.Float32, floats),
    "Float64": (pl.Float64, floats),
    "Boolean": (pl.Boolean, lambda r, n: (r.random(n) < 0.5).tolist()),
    "String": (pl.String, strings),
    "Categorical": (pl.Categorical, strings),
    "Enum": (pl.Enum(sorted(set(WORDS))), lambda r, n: r.choice(WORDS, n).tolist()),
    "Date": (pl.Date, dates),
    "Time": (pl.Time, times),
    "Null": (pl.Null, lambda r, n: [None] * n),
    "Datetime us": (pl.Datetime("us"), datetimes),
    "Datetime ns": (pl.Datetime("ns"), datetimes),
    "Datetime ms": (pl.Datetime("ms"), datetimes),
    "Datetime tz": (pl.Datetime("us", "Asia/Kolkata"), lambda r, n: datetimes(r, n, dt.UTC)),
    "Duration": (pl.Duration("us"), durations),
    "Duration ns": (pl.Duration("ns"), durations),
    "Decimal": (pl.Decimal(12, 2), decimals),
    "Binary": (pl.Binary, lambda r, n: [s.encode() for s in strings(r, n)]),
    "List": (pl.List(pl.Int64), lambda r, n: [[1]] * n),
    "Struct": (pl.Struct({"a": pl.Int64}), lambda r, n: [{"a": 1}] * n),
    "Array": (pl.Array(pl.Int64, 2), lambda r, n: [[1, 2]] * n),
    "Object": (pl.Object, lambda r, n: list(objects(r, n))),
}
POLARS = {
    name: (lambda r, n, t=t, make=make: pl.Series(with_none(r, make(r, n)), dtype=t))
    for name, (t, make) in POLARS.items()
}
if int(pl.__version__.split(".")[0]) < 2:
    del POLARS["Object"]  # polars 1.0 never comes back from selecting rows of such a column
LIBRARIES = {
    "pandas": (PANDAS, pd.DataFrame),
    "polars": (POLARS, pl.DataFrame),
    "pyarrow": (ARROW, pa.table),
}


def random_frame(rng, library, kinds, n):
    """Return a frame of columns "col0", "col1", ... of these kinds."""
    makers, frame = LIBRARIES[library]
    return frame({f"col{i}": makers[kind](rng, n) for i, kind in enumerate(kinds)})
