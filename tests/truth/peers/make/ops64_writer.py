"""Writes cases in float64, in the form that tests/truth/peers/ops_test.ts reads."""

import json
import os

import numpy as np

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")


def number(v):
    """Whole numbers short, others to 15 digits, and what JSON cannot hold as text."""
    v = float(v)
    if not np.isfinite(v):
        return "NaN" if np.isnan(v) else "Infinity" if v > 0 else "-Infinity"
    return int(v) if v == int(v) and abs(v) < 1e15 else float(f"{v:.15g}")


def tensor(array):
    if array is None:
        return None
    array = np.asarray(array)
    kind = "u32" if array.dtype.kind == "b" or array.dtype == np.uint32 else "i32" if array.dtype.kind in "iu" else "f64"
    data = [number(v) for v in array.reshape(-1)]
    return {"dtype": kind, "shape": list(array.shape), "data": data}


def write(name, made_by, cases):
    path = os.path.join(GOLDEN, name)
    with open(path, "w") as file:
        file.write('{"madeBy": %s, "cases": [\n' % json.dumps(made_by))
        file.write(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
        file.write("\n]}\n")
    print(f"{name}: {len(cases)} cases, {os.path.getsize(path)} bytes")
