"""Numbers that both sides can make: a hash of a name and an element's index (tests/truth/iter-reason/formula.ts)."""

import numpy as np


def seed(name):
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def uniform(name, shape, low, high):
    x = (np.arange(int(np.prod(shape)), dtype=np.uint64) * 0x9E3779B9 + seed(name)).astype(np.uint32)
    x ^= x >> 16
    x *= np.uint32(0x7FEB352D)
    x ^= x >> 15
    x *= np.uint32(0x846CA68B)
    x ^= x >> 16
    unit = x.astype(np.float64) / 2147483648 - 1
    return (low + (unit + 1) / 2 * (high - low)).astype(np.float32).reshape(shape)


def variable(name, shape):
    """What stands in the variable `name`: kept small where a deep network would explode."""
    last = name.split("/")[-1]
    if last == "gamma":
        narrow = "/conv3/" in name or "/shortcut/" in name
        return uniform(name, shape, *((0.25, 0.55) if narrow else (0.7, 1.3)))
    for ending, low, high in [
        ("beta", -0.2, 0.2),
        ("moving_mean", -0.2, 0.2),
        ("moving_variance", 0.6, 1.4),
        ("biases", -0.1, 0.1),
        ("mem_init", -0.5, 0.5),
    ]:
        if last == ending:
            return uniform(name, shape, low, high)
    gain = 6 / 60**2 if "/conv1/weights" in name and shape[0] == 7 else 6
    reach = np.sqrt(gain / np.prod(shape[:-1]))
    return uniform(name, shape, -reach, reach)
