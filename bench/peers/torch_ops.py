"""Products and convolutions in PyTorch, f32 without TF32: milliseconds of each task of a JSON list.

python3 torch_ops.py TASKS  prints one line of JSON: {"ms": [...], "device": ..., "torch": ...}, in the order of the tasks,
which are those of bench/cases.ts of kind "matmul" and "conv2d", gradients among them.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F


def product(task, randn):
    m, n, k = task["m"], task["n"], task["k"]
    a = randn(k, m).t() if task["how"][0] == "t" else randn(m, k)
    b = randn(n, k).t() if task["how"][1] == "t" else randn(k, n)
    return lambda: a @ b


def convolution(task, randn):
    stride, padding = task["stride"], (task["kernel"] - 1) // 2
    last = lambda *shape: randn(*shape).contiguous(memory_format=torch.channels_last)
    x = last(task["images"], task["inputs"], task["height"], task["width"])
    w = last(task["outputs"], task["inputs"], task["kernel"], task["kernel"])
    if task["pass"] == "forward":
        return lambda: F.conv2d(x, w, stride=stride, padding=padding)
    dy = torch.randn_like(F.conv2d(x, w, stride=stride, padding=padding))
    wanted = [task["pass"] == "data gradient", task["pass"] == "weight gradient", False]
    pair = lambda n: [n, n]
    return lambda: torch.ops.aten.convolution_backward(
        dy, x, w, None, pair(stride), pair(padding), pair(1), False, pair(0), 1, wanted
    )


def milliseconds(work, wait):
    def timed(count):
        wait()
        start = time.perf_counter()
        for _ in range(count):
            work()
        wait()
        return 1000 * (time.perf_counter() - start) / count

    timed(2)
    count = max(2, min(1000, round(100 / max(timed(2), 0.01))))
    return min(timed(count) for _ in range(3))


def main():
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    # Lets it try its convolution algorithms, as a user who cares for speed would.
    torch.backends.cudnn.benchmark = True
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    randn = lambda *shape: torch.randn(*shape, device=device)
    with torch.no_grad():
        works = ((product if task["kind"] == "matmul" else convolution)(task, randn) for task in json.loads(sys.argv[1]))
        ms = [milliseconds(work, wait) for work in works]
    print(json.dumps({"ms": ms, "device": device.type, "torch": torch.__version__}))


main()
