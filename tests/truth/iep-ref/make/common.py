"""Numbers that both sides can make (../formula.ts), and what golden files hold of a tensor (../held.ts)."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def numbers(name, shape, low, high):
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = (np.arange(int(np.prod(shape)), dtype=np.uint64) * 0x9E3779B1 + seed).astype(np.uint32)
    x ^= x >> 16
    x *= np.uint32(0x7FEB352D)
    x ^= x >> 15
    x *= np.uint32(0x846CA68B)
    x ^= x >> 16
    return (low + x.astype(np.float64) / 2**32 * (high - low)).astype(np.float32).reshape(shape)


def reach(name, shape):
    """Largest value of a weight, as in ../models.ts."""
    if "embed" in name:
        return 1.0
    if "_rnn" in name or "_linear" in name:
        return 0.12
    if name.endswith("bias"):
        return 0.05
    return float(np.sqrt(6 / np.prod(shape[1:]))) * (0.35 if "conv2" in name else 1)


def fill(model, label, scale):
    """Gives a model its weights by formula; returns their shapes."""
    state = model.state_dict()
    for name, tensor in state.items():
        b = reach(name, tuple(tensor.shape)) * scale
        state[name] = torch.from_numpy(numbers(f"{label} {name}", tuple(tensor.shape), -b, b)).to(tensor.dtype)
    model.load_state_dict(state)
    return {name: list(tensor.shape) for name, tensor in state.items()}


def brief(tensor, most=24):
    """Some values of a tensor, and figures of all of them."""
    flat = tensor.detach().double().reshape(-1).numpy()
    size = len(flat)
    at = range(size) if size <= most else [i * size // most for i in range(most)]
    return {
        "size": size,
        "values": [short(flat[i]) for i in at],
        "norm": short(np.sqrt((flat**2).sum())),
        "max": short(np.abs(flat).max()),
        "probe": short((flat * numbers("probe", (size,), -1, 1)).sum()),
    }


def short(value):
    return float(f"{value:.8g}")


def authors(checkout):
    """Lets the authors' modules be imported. They import torchvision for a baseline that cannot run; it is not needed."""
    sys.path.insert(0, checkout)
    for name in ("torchvision", "torchvision.models"):
        sys.modules[name] = types.ModuleType(name)


def write(name, value):
    text = json.dumps(value, separators=(",", ":"))
    (GOLDEN / name).write_text(text + "\n")
    print(name, len(text), "bytes")
