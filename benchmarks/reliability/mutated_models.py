"""Load damaged and forged model files: ``python -m benchmarks.reliability.mutated_models 1000``.

Half of the files are *damaged*, as by a bad disk: bytes are changed, lost or added, or the file is
another one. Such a file must be refused, or else predict the same. The other half are *forged*:
they have a correct checksum, but members, arrays or the manifest that no saved network has. Such a
file must be refused, or else be a network, of which nothing is known; but to load it and to predict
with it must not run anything, take much memory, or end the process.
"""

import argparse
import contextlib
import copy
import hashlib
import io
import json
import pickle
import sys
import tempfile
import tracemalloc
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

import skdnn
from skdnn.estimator.model_files import MODEL

LABEL, DIGITS = MODEL.label, 64  # of SHA-256
MOST_BYTES = 2**26
# What running something in a file would show up as.
EVENTS = {"pickle.find_class", "os.system", "subprocess.Popen", "os.exec", "os.posix_spawn"}
EVENTS |= {"import", "ctypes.dlopen", "shutil.rmtree", "os.remove", "os.rename", "socket.connect"}
_seen = []


def saved_networks():
    """Return the bytes of saved networks with rows, and what they predict for these."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(120, 3))
    frame = pd.DataFrame(numbers, columns=list("abc")).assign(
        town=rng.choice(["Rome", "Oslo", "Lima", None], 120),
        day=pd.date_range("2024-01-01", periods=120, tz="Europe/Rome"),
        street=[f"street {n % 50}" for n in range(120)],
        price=[f"{n},5" for n in range(120)],
    )
    frame.loc[::7, "a"] = np.nan
    labels = rng.choice(["no", "yes"], 120)
    plain = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "n_members": 2}
    fits = [
        ({}, frame, labels),
        ({"warm_start": True, "n_members": 1, "solver": "sgd"}, numbers, labels == "yes"),
        ({"encoder": "passthrough", "store_oof": True}, numbers, np.arange(120) % 3),
        ({}, sparse.csr_array(np.where(numbers > 0.5, numbers, 0)), rng.random((120, 2)) > 0.5),
    ]
    networks = []
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        for given, X, y in fits:
            net = skdnn.DeepNetClassifier(**{**plain, **given}).fit(X, y)
            net.save(path := Path(folder, "net.skdnn"))
            networks.append((path.read_bytes(), X, net.predict_proba(X)))
    return networks


# Damage: the checksum stays as it was.


def truncated(data, rng):
    """Return the beginning of a file."""
    return data[: rng.integers(len(data))]


def flipped(data, rng):
    """Change one bit."""
    place, changed = rng.integers(len(data)), bytearray(data)
    changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def overwritten(data, rng):
    """Write noise, or zeros, over some bytes."""
    start, noise = rng.integers(len(data)), rng.bytes(rng.integers(1, 600))
    noise = noise if rng.random() < 0.5 else bytes(len(noise))
    return data[:start] + noise + data[start + len(noise) :]


def shifted(data, rng):
    """Insert some bytes, or leave some out."""
    start, length = rng.integers(len(data)), rng.integers(1, 600)
    if rng.random() < 0.5:
        return data[:start] + rng.bytes(length) + data[start:]
    return data[:start] + data[start + length :]


def foreign(data, rng):
    """Return a file of another kind."""
    archive = io.BytesIO()
    np.savez(archive, rng.normal(size=5))
    others = [b"", rng.bytes(2000), pickle.dumps([1]), archive.getvalue(), b"[]", data[:22]]
    return others[rng.integers(len(others))]


def swapped(data, rng):
    """Exchange two members of the same size, or else the ends of two members."""
    members = read_members(data)
    one, other = rng.choice(list(members)[1:], 2, replace=False)
    members[one], members[other] = members[other], members[one]
    return as_file(members)[:-DIGITS] + data[-DIGITS:]


DAMAGE = [truncated, flipped, overwritten, shifted, foreign, swapped]

# Forgery: the checksum is correct.


def read_members(data):
    """Return the bytes of the members, by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def as_file(members, method=zipfile.ZIP_STORED, extra=(), label=LABEL):
    """Return a file with these members, and with further ones that may have the same names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        archive.comment = label + bytes(DIGITS)
        for name, content in [*members.items(), *extra]:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return with_checksum(stream.getvalue())


def with_checksum(data):
    """Return a file whose checksum is correct."""
    return data[:-DIGITS] + hashlib.sha256(data[:-DIGITS]).hexdigest().encode()


def noise_with_checksum(data, rng):
    """Damage a file, but not its end, which has the right checksum."""
    damage = [flipped, overwritten, shifted][rng.integers(3)]
    end = len(LABEL) + DIGITS
    return with_checksum(damage(data[:-end], rng) + data[-end:])


class Payload:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        """Return a call that leaves a trace."""
        return _seen.append, ("a pickle was loaded",)


def header_of(dtype, shape):
    """Return a .npy file that says that it has this type and shape."""
    described = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    described += b" " * (-(len(described) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(described).to_bytes(2, "little") + described


def forged_array(data, rng):
    """Replace an array by one that is not what it says, or of another kind."""
    members = read_members(data)
    pickled = io.BytesIO()
    np.save(pickled, np.array([Payload()], object), allow_pickle=True)
    bomb = rng.choice(["(10**12,)", f"({10**12},)", f"(0, {10**12})", f"({2**62}, 4)", "(-1,)"])
    others = [
        pickled.getvalue(),
        header_of("'<f8'", bomb) + bytes(64),
        header_of("'<f4'", f"({2**40}, 0, 3)"),
        header_of("'<U0'", f"({2**40},)"),
        header_of("'|O'", "(8,)") + bytes(64),
        header_of("'|b1'", "(64,)") + b"\xff" * 64,
        header_of("'<U4'", "(4,)") + b"\xff" * 64,
        header_of(rng.choice(["(" * 3000, "-" * 5000 + "1", "[" * 90 + "]" * 90]), "(8,)"),
        header_of("[('a', '<f8', (10**9,))]", "(1,)"),
        header_of("'<f4'", "(2, 8)") + rng.bytes(64),
        header_of("'<i8'", "(8,)") + rng.bytes(64),
        header_of("'<f8'", "()") + rng.bytes(8),
        header_of("'<M8[ns]'", "(8,)") + rng.bytes(64),
        rng.bytes(300),
        b"",
    ]
    members[rng.choice(list(members)[1:])] = others[rng.integers(len(others))]
    return as_file(members)


def forged_members(data, rng):
    """Add, remove, rename or compress members."""
    members = read_members(data)
    name = str(rng.choice(list(members)))
    names = ["../../evil.npy", "/etc/evil.npy", "0.npy", "manifest.json", "C:\\evil", "é\x00.npy"]
    case = rng.integers(5)
    if case == 0:
        return as_file(members, extra=[(rng.choice(names), b"x")])
    if case == 1:
        members[str(rng.choice(names[:2]))] = members.pop(name)
    elif case == 2:
        del members[name]
    elif case == 3:
        members[name] = bytes(2**24)  # 16 MB that compress to 16 kB
        return as_file(members, zipfile.ZIP_DEFLATED)
    else:
        return as_file(members, rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
    return as_file(members)


def overlapping(data, rng):
    """Let the directory of the archive name the same large member many times."""
    content, names = bytes(2**18), [f"{number}.npy" for number in range(400)]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.comment = LABEL + bytes(DIGITS)
        archive.writestr("manifest.json", read_members(data)["manifest.json"])
        archive.writestr("0.npy", content)
        first = archive.getinfo("0.npy")
        for name in names[1:]:
            again = copy.copy(first)
            again.filename = name
            archive.filelist.append(again)
            archive.NameToInfo[name] = again
    return with_checksum(stream.getvalue())


JUNK = [None, True, 0, -1, 3, 2**40, 10**30, 0.5, float("nan"), float("inf"), "", "x", "os.system"]
JUNK += [[], {}, [1], {"tuple": []}, {"dict": []}, {"array": 0}, {"array": -1}, {"array": 10**9}]
JUNK += [{"zone": "../../etc/passwd"}, {"zone": "Asia/Tokyo"}, {"offset": 1e300}, {"offset": 3600}]
JUNK += [{"objects": ["x"]}, {"scalar": {"array": 0}}, {"tuple": [10**9, 10**9, 1]}, {"State": {}}]
JUNK += [{"builtins.eval": "1"}, {"tuple": [4, 4, 1]}, {"dict": [[{"dict": []}, 1]]}]


def places_in(plain, path=()):
    """Yield the path of each value in a manifest."""
    yield path
    if isinstance(plain, (list, dict)):
        for key, item in plain.items() if isinstance(plain, dict) else enumerate(plain):
            yield from places_in(item, (*path, key))


def forged_manifest(data, rng):
    """Replace, remove or exchange values of the manifest, or rename types and fields."""
    members = read_members(data)
    manifest = json.loads(members["manifest.json"])
    for _ in range(rng.integers(1, 4)):
        places = [path for path in places_in(manifest) if path]
        *path, key = places[rng.integers(len(places))]
        at = manifest
        for part in path:
            at = at[part]
        case = rng.integers(4)
        if case == 0:
            del at[key]
        elif case == 1 and isinstance(at, dict):
            at[rng.choice(["tuple", "State", "params", "encoder", "x", "objects"])] = at.pop(key)
        elif case == 2:
            of_other = manifest
            for part in places[rng.integers(len(places))]:
                of_other = of_other[part]
            at[key] = copy.deepcopy(of_other)
        else:
            at[key] = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
    members["manifest.json"] = json.dumps(manifest).encode()
    return as_file(members)


def forged_text(data, rng):
    """Replace the manifest by nested, long, or no JSON."""
    members = read_members(data)
    texts = [b"[" * 10**5, b'{"a":' * 10**5, b'{"tuple":[' * 10**4 + b"]}" * 10**4, b"9" * 10**5]
    texts += [b"", b"\xff\xfe", b"null", b"[]", b'"x"', b'{"format": 1}', b'{"format": []}']
    texts += [b'{"format": 99, "skdnn": "9.0"}', b'{"format": -1}']
    members["manifest.json"] = texts[rng.integers(len(texts))]
    return as_file(members)


FORGERY = [noise_with_checksum, forged_array, forged_members, overlapping, forged_text]
FORGERY += [forged_manifest] * 4


def watch(event, arguments):
    """Note an event by which something in a file would be run."""
    is_codec = event == "import" and str(arguments[0]).startswith(
        "encodings."
    )  # of zipfile's names
    if event in EVENTS and _watching and not is_codec:
        _seen.append((event, arguments[:1]))


_watching = []


@contextlib.contextmanager
def watched():
    """Raise an error if within it something is run, or much memory is taken."""
    _watching.append(True)
    tracemalloc.start()
    try:
        yield
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        _watching.clear()
    assert not _seen, _seen
    assert peak < MOST_BYTES, f"{peak:,} bytes"


def outcome(path, X, expected, is_forged):
    """Return what came of loading a file: an error, the same predictions, or others.

    Raises
    ------
    Exception
        If it is none of those that are documented.
    """
    try:
        net = skdnn.load(path)
    except skdnn.ModelFileError:
        return "refused"
    try:
        repr(net), str(net.summary())
        proba = net.predict_proba(X)
    except Exception:
        assert is_forged
        return "a network that cannot predict"
    if np.array_equal(proba, expected):
        return "the same predictions"
    assert is_forged, "other predictions"
    return "a network with other predictions"


def run(n_files, seed=0):
    """Load so many mutated files; return how often each outcome occurred.

    Raises
    ------
    Exception
        If anything happens that should not; the message has the kind of file and its number.
    """
    networks, counts = saved_networks(), Counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "net.skdnn")
        for data, X, expected in networks:  # whatever is imported or compiled only once
            path.write_bytes(data)
            assert outcome(path, X, expected, False) == "the same predictions"
        repr(skdnn.DeepNetClassifier())
        path.write_bytes(forged_manifest(networks[0][0], np.random.default_rng(0)))
        outcome(path, *networks[0][1:], True)
        for number in range(n_files):
            rng = np.random.default_rng((seed, number))
            data, X, expected = networks[rng.integers(len(networks))]
            is_forged = number % 2 == 1
            kinds = FORGERY if is_forged else DAMAGE
            mutate = kinds[rng.integers(len(kinds))]
            path.write_bytes(mutate(data, rng))
            try:
                with watched():
                    found = outcome(path, X, expected, is_forged)
            except BaseException as error:
                raise AssertionError(f"{mutate.__name__}, number {number}: {error!r}") from error
            counts["forged" if is_forged else "damaged", found] += 1
    return counts


sys.addaudithook(watch)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_files", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for (kind, found), count in sorted(run(given.n_files, given.seed).items()):
        print(f"{count:6,} {kind}: {found}")
