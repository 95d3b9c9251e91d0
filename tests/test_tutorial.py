"""Steps 2 to 7 of the tutorial with files of a user, who edits what is marked; its server."""

import http.client
import json
import threading

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_documentation import ROOT, blocks

PAGES = ROOT / "docs" / "guide"
QUICK = {"DeepNetClassifier(store_oof": "DeepNetClassifier(n_members=2, max_iter=9, store_oof"}
INDEX, DATES, DAYS = 'index_col="customer_id",', 'parse_dates=["since"],', 'parse_dates=["day"],'
RNG = np.random.default_rng(0)
N = 240
AGE, NOISE, FEE = RNG.integers(18, 80, N), RNG.normal(0, 8, N), RNG.gamma(2, 9, N).round(2)
DAY = pd.Timestamp("2022-01-01") + pd.to_timedelta(RNG.integers(0, 900, N), "D")


def table(target):
    """Return a table of numbers, strings, dates and missing values, with classes to predict."""
    columns = {"age": AGE, "fee": FEE, "job": ["a", "b"] * (N // 2), "member": AGE % 2 == 0}
    frame = pd.DataFrame({**columns, "day": DAY, "target": target})
    frame.loc[::9, ["fee", "job"]] = None
    return frame


def python_code(page, start="", language="python"):
    """Return the Python blocks of a page from some heading on; "py" is code that no page runs."""
    text = (PAGES / page).read_text("utf-8")
    return [content for _, content in blocks(text[text.index(start) :], language)]


def walk(frame, edits, folder):
    """Run steps 2 to 7 with the edits of a user, and return the variables."""
    frame.to_csv(folder / "mine.csv", index=False)
    code = "\n".join(python_code("csv-to-production.md", "## 2. Read"))
    edits = {**QUICK, '"churned"': '"target"', "customers.csv": "mine.csv", INDEX: "", **edits}
    for old, new in edits.items():
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    names = {"__name__": "walk"}
    exec(compile(code, "csv-to-production.md", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run in an empty folder, and draw without a display."""
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")
    yield tmp_path
    plt.close("all")


def test_a_file_with_two_classes_of_strings_and_days_first(folder, capsys):
    frame = table(np.where(AGE + NOISE > 50, ">50_1", "<50"))
    frame["day"] = frame["day"].dt.strftime("%d/%m/%Y")
    edits = {DATES: DAYS, "# dayfirst": "dayfirst", '["yes"]': '[">50_1"]'}
    names = walk(frame, edits, folder)
    assert names["X"]["day"].equals(table(0)["day"])
    assert list(names["reply"]["probabilities"]) == ["<50", ">50_1"]
    assert sorted(names["example"]) == ["age", "day", "fee", "job", "member"]
    assert len(names["example"]["day"]) == len("2022-01-01")
    assert len(capsys.readouterr().out.splitlines()) < 100


def test_a_file_with_three_classes_of_which_two_are_the_case(folder):
    frame = table(np.select([AGE + NOISE > 60, AGE + NOISE > 40], ["high", "mid"], "low"))
    names = walk(frame, {DATES: DAYS, '["yes"]': '["mid", "high"]'}, folder)
    assert list(names["reply"]["probabilities"]) == ["high", "low", "mid"]
    proba = names["net"].predict_proba(names["X_test"].head(1))[0]
    assert names["reply"]["act"] == (proba[[0, 2]].sum() > names["threshold"])


LATEST = {
    "# dates = X": "dates = X",
    'X["since"].reset': 'X["day"].reset',
    "# assert dates": "assert dates",
    "# order": "order",
    "# X, y = X.iloc": "X, y = X.iloc",
    "# X_train, X_test": "X_train, X_test",
}


@pytest.mark.parametrize(
    ("question", "cases", "classes"),
    [
        ({}, "[7, 8]", ["5", "6", "7", "8"]),
        ({"# y = table[target]": "y = table[target]"}, "[True]", ["false", "true"]),
        ({"# y = pd.cut": "y = pd.cut"}, '["high"]', ["high", "mid"]),
    ],
)
def test_a_file_with_grades_is_tested_on_its_latest_rows(question, cases, classes, folder):
    frame = table(np.clip((AGE + NOISE) // 10, 5, 8).astype(int))
    frame.loc[::20, "day"] = pd.NaT
    names = walk(frame, {DATES: DAYS, '["yes"]': cases, **LATEST, **question}, folder)
    assert names["X_train"]["day"].max() <= names["X_test"]["day"].min()
    assert len(names["X"]) == frame["day"].notna().sum()
    assert list(names["reply"]["probabilities"]) == classes


def test_strings_are_not_put_into_the_order_of_dates(folder):
    frame = table(np.where(AGE + NOISE > 50, "yes", "no"))
    frame["day"] = frame["day"].dt.strftime("%d/%m/%Y").mask(frame.index == 5, "unknown")
    with pytest.raises(AssertionError, match="read them as dates in step 2"):
        walk(frame, {DATES: DAYS, "# dayfirst": "dayfirst", **LATEST}, folder)


@pytest.mark.parametrize("first", [0, 31])
def test_the_page_shows_the_cells_that_are_no_numbers_or_dates(first, capsys):
    days = pd.date_range("2022-01-12", periods=60).strftime("%d/%m/%Y")[first:]
    X = pd.DataFrame({"income": "1", "since": [*days, "soon"]})
    X.loc[3, "income"] = "much"
    exec(python_code("csv-to-production.md", language="py")[0], {"pd": pd, "X": X})
    shown = capsys.readouterr().out
    assert "['much']" in shown
    assert "['soon']" in shown


def test_a_file_with_booleans_of_which_some_are_missing(folder):
    target = pd.Series(AGE + NOISE > 50, dtype=object).mask(AGE % 7 == 0)
    names = walk(table(target), {DATES: DAYS, '["yes"]': "[True]"}, folder)
    assert names["y"].dtype == bool
    assert len(names["y"]) == target.notna().sum()


@pytest.mark.parametrize("cases", ['["7"]', "[7, 9]"])
def test_a_case_that_is_not_a_class_is_refused(cases, folder):
    frame = table(np.clip((AGE + NOISE) // 10, 5, 8).astype(int))
    edits = {DATES: DAYS, '["yes"]': cases}
    with pytest.raises(AssertionError, match=r"cases must be some of \[5, 6, 7, 8\]"):
        walk(frame, edits, folder)


@pytest.mark.filterwarnings("ignore:Columns of strings are read as numbers or dates")
def test_the_server_names_all_columns_that_are_wrong_and_shows_valid_values(folder):
    frame = table(np.where(AGE + NOISE > 50, "yes", "no"))
    frame["day"] = frame["day"].dt.strftime("%d/%m/%Y").mask(frame.index == 5, "unknown")
    frame["fee"] = frame["fee"].astype(object).mask(frame.index == 5, "free")
    names = walk(frame, {DATES: ""}, folder)
    assert set(names["net"].encoder_.parsed_columns_) == {"day", "fee"}
    answer, good = names["answer"], names["example"]
    assert answer(good)[0] == 200
    assert isinstance(good["age"], int)
    assert answer(dict.fromkeys(good))[0] == 200
    without = answer(good | {"day": None, "fee": None})
    for word in ("unknown", "n/a", ""):  # words for missing values
        assert answer(good | {"day": word, "fee": word}) == without
    assert answer(good | {"day": None, "fee": "free"}) == without  # as in fit
    assert answer(good | {"day": "2023-05-15", "fee": 7.5}) == answer(
        good | {"day": "15/05/2023", "fee": "7.5"}
    )
    bad = {"age": "old", "fee": "lots", "day": "31/02/2023", "job": 5, "member": [True]}
    status, reply = answer(bad)
    assert status == 422
    assert reply["columns"] == {
        name: f"cannot read {value!r}; a valid value is {good[name]!r}"
        for name, value in bad.items()
    }
    status, reply = answer({"job": "a", "jop": "a", "fee": float("inf")})
    assert status == 422
    missing = dict.fromkeys(["age", "member", "day"], "missing; send null if it is not known")
    unread = f"cannot read inf; a valid value is {good['fee']!r}"
    assert reply["columns"] == {"jop": "unknown column", "fee": unread, **missing}
    assert answer([good]) == answer("rows.parquet") == answer(None)
    assert answer([good])[0] == 422
    assert len(str(answer(good | {"age": "x" * 10**6}))) < 300
    status, reply = answer(good | {"age": float("nan")})  # Python reads NaN, but it is not JSON
    assert status == 422
    assert reply["columns"] == {"age": f"cannot read nan; a valid value is {good['age']!r}"}


def test_the_server_says_which_of_several_actions_costs_least(folder):
    frame = table(np.select([AGE + NOISE > 60, AGE + NOISE > 40], ["high", "mid"], "low"))
    names = walk(frame, {DATES: DAYS, '["yes"]': '["mid", "high"]'}, folder)
    names["costs"] = pd.DataFrame({"call": [1, 1, 1], "write": [9, 0, 4]}, names["net"].classes_)
    saving, act = python_code("imbalanced.md", language="py")
    exec(saving, names)
    (folder / "model.json").write_text(json.dumps(names["decision"]))
    lines = python_code("csv-to-production.md", "## 7. Serve")[0].splitlines(keepends=True)
    lines = [line for line in lines if not line.startswith("CASES")]
    app = {}
    exec("".join(act if line.startswith("    act = ") else line for line in lines), app)
    expected = names["net"].predict_proba(names["example"])[0] @ names["costs"].to_numpy()
    assert app["answer"](names["example"])[1]["act"] == ["call", "write"][expected.argmin()]


def ask(port, body=None, length=None):
    """Return the status and the answer to a request, perhaps without a Content-Length."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("POST", "/")
    if length is not None:
        connection.putheader("Content-Length", length)
    connection.endheaders(body)
    response = connection.getresponse()
    reply = response.status, json.loads(response.read())
    connection.close()
    return reply


def test_the_page_about_serving_has_the_same_server():
    tutorial, serving = map(python_code, ("csv-to-production.md", "serving.md"))
    assert len([block for block in tutorial if block in serving]) == 2


def test_the_server_answers_requests_that_are_no_records(folder):
    frame = table(np.where(AGE + NOISE > 50, "yes", "no"))
    names = walk(frame, {DATES: DAYS}, folder)
    server = names["ThreadingHTTPServer"](("127.0.0.1", 0), names["Predict"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    try:
        assert ask(port) == (411, {"error": "send the header Content-Length"})
        for length in ("-1", "many"):
            assert ask(port, length=length)[0] == 411
        for body in (b"", b"age=31", b"\xff", b'{"age": 31', b"[" * 10**5):
            status, reply = ask(port, body, len(body))
            assert status == 400
            assert reply["error"].startswith("the body is not JSON: ")
        assert ask(port, b"[1, 2]", 6) == names["answer"]([1, 2])
    finally:
        server.shutdown()
        server.server_close()
