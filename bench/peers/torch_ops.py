"""Products and convolutions in PyTorch, f32 without TF32: milliseconds of each task of a JSON list.

python3 torch_ops.py TASKS  prints one line of JSON: {"ms": [...], "device": ..., "torch": ...}, in the order of the tasks,
which are those of bench/cases.ts of kind "matmul" and "conv2d", forward.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F


def work_of(task, device):
    randn = lambda *shape: torch.randn(*shape, device=device)
    if task["kind"] == "matmul":
        a, b = randn(task["m"], task["k"]), randn(task["k"], task["n"])
        return lambda: a @ b
    kernel, stride = task["kernel"], task["stride"]
    x = randn(1, task["inputs"], task["height"], task["width"]).contiguous(memory_format=torch.channels_last)
    w = randn(task["outputs"], task["inputs"], kernel, kernel).contiguous(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, w, stride=stride, padding=(kernel - 1) // 2)


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
    with torch.no_grad():
        ms = [milliseconds(work_of(task, device), wait) for task in json.loads(sys.argv[1])]
    print(json.dumps({"ms": ms, "device": device.type, "torch": torch.__version__}))


main()
